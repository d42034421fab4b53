// Packs the tarballs into the repository's `dist`: the same package under both of its names.
//
//   node scripts/pack.mjs [debug|release]      (default: release; build the cargo profile and `npm run build` before)

import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAMES = ['@daytonaio/sdk', '@daytona/sdk'];

const root = fileURLToPath(new URL('..', import.meta.url));
const destination = join(root, '..', 'dist');
const profile = process.argv[2] ?? 'release';

execFileSync(process.execPath, ['scripts/native.mjs', profile, '--with-program'], { cwd: root, stdio: 'inherit' });
mkdirSync(destination, { recursive: true });
const stage = mkdtempSync(join(tmpdir(), 'daytona-npm-'));
try {
  for (const directory of ['dist', 'native']) {
    cpSync(join(root, directory), join(stage, directory), { recursive: true });
  }
  copyFileSync(join(root, 'README.md'), join(stage, 'README.md'));
  copyFileSync(join(root, '..', 'LICENSE'), join(stage, 'LICENSE'));
  const { scripts: _, devDependencies: __, ...manifest } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of NAMES) {
    const platform = { os: [process.platform], cpu: [process.arch] };
    writeFileSync(join(stage, 'package.json'), `${JSON.stringify({ ...manifest, name, ...platform }, null, 2)}\n`);
    execFileSync('npm', ['pack', '--silent', '--pack-destination', destination], { cwd: stage, stdio: 'inherit' });
  }
} finally {
  rmSync(stage, { recursive: true });
}
