// Packs the tarballs into the repository's `dist`: the SDK under both of its names, and the local engine.
//
//   node scripts/pack.mjs [debug|release]      (default: release; build the cargo profile and `npm run build` before)

import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAMES = ['@daytonaio/sdk', '@daytona/sdk'];

const root = fileURLToPath(new URL('..', import.meta.url));
const destination = join(root, '..', 'dist');
const profile = process.argv[2] ?? 'release';

execFileSync(process.execPath, ['scripts/native.mjs', profile], { cwd: root, stdio: 'inherit' });
mkdirSync(destination, { recursive: true });
const { scripts: _, devDependencies: __, ...manifest } = read('package.json');
for (const name of NAMES) {
  pack({ ...manifest, name }, root, 'daytona-node', (stage) => {
    for (const directory of ['dist', 'native']) {
      cpSync(join(root, directory), join(stage, directory), { recursive: true });
    }
  });
}
pack(read('local/package.json'), join(root, 'local'), 'daytona-cli', (stage) => {
  const built = join(root, '..', process.env.CARGO_TARGET_DIR ?? 'target', profile);
  copyFileSync(join(built, 'daytona'), join(stage, 'daytona'));
  chmodSync(join(stage, 'daytona'), 0o755);
});

function read(manifest) {
  return JSON.parse(readFileSync(join(root, manifest), 'utf8'));
}

/** Packs a package for this platform: what `fill` puts into its directory, with the terms of what cargo linked into it. */
function pack(manifest, directory, linked, fill) {
  const stage = mkdtempSync(join(tmpdir(), 'daytona-npm-'));
  try {
    fill(stage);
    copyFileSync(join(directory, 'README.md'), join(stage, 'README.md'));
    copyFileSync(join(root, '..', 'LICENSE'), join(stage, 'LICENSE'));
    writeFileSync(
      join(stage, 'THIRD_PARTY_LICENSES.txt'),
      execFileSync(join(root, '..', 'scripts', 'licenses'), [linked], { maxBuffer: 64 << 20 }),
    );
    const platform = { os: [process.platform], cpu: [process.arch] };
    writeFileSync(join(stage, 'package.json'), `${JSON.stringify({ ...manifest, ...platform }, null, 2)}\n`);
    execFileSync('npm', ['pack', '--silent', '--pack-destination', destination], { cwd: stage, stdio: 'inherit' });
  } finally {
    rmSync(stage, { recursive: true });
  }
}
