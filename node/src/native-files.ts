// Where the package's native files are: the library and the `daytona` program.

import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { DaytonaInternalError } from './errors.js';

/** The package's names; both hold the same files. */
const PACKAGES = ['@daytonaio/sdk', '@daytona/sdk'];

/**
 * Path of a native file, or nothing when it is not there. It is beside `dist`; a bundled program finds it beside its own
 * directory or in the `node_modules` above it. The working directory is not looked at: it may be anybody's.
 */
export function nativeFile(name: string): string | undefined {
  for (const directory of directories()) {
    const file = join(directory, name);
    if (existsSync(file)) {
      return file;
    }
  }
  return undefined;
}

/** The error for a native file that is not there. */
export function missingFile(name: string): DaytonaInternalError {
  const [first, second] = directories();
  return new DaytonaInternalError(
    `${name} is neither in ${first ?? 'the package'} nor in ${second ?? 'node_modules'} nor in a node_modules above. If it was ` +
      'never installed, this package was built for other platforms. If this program is bundled, leave the package out of the bundle ' +
      '(esbuild: external, webpack: externals, Next.js: serverExternalPackages) and install it where the program runs, or copy its ' +
      'directory "native" beside the bundle.',
  );
}

function* directories(): Generator<string> {
  // Modules of a bundle do not have it.
  const here = typeof __dirname === 'string' ? __dirname : undefined;
  if (here) {
    yield* unpacked(join(here, '..', 'native'));
    yield* unpacked(join(here, 'native'));
  }
  for (const program of [here, process.argv[1] && dirname(process.argv[1])]) {
    for (let above = program; above; above = dirname(above) === above ? undefined : dirname(above)) {
      for (const name of PACKAGES) {
        yield* unpacked(join(above, 'node_modules', name, 'native'));
      }
    }
  }
}

/** Electron packs programs into an archive, and what must be real files into a directory beside it. */
function* unpacked(directory: string): Generator<string> {
  const archive = `.asar${sep}`;
  if (directory.includes(archive)) {
    yield directory.replace(archive, `.asar.unpacked${sep}`);
  }
  yield directory;
}
