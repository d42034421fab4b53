// Where native files are: this package's library, and the `daytona` program, which is a package of its own.

import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { DaytonaInternalError } from './errors.js';

/** The package's names; both hold the same files. */
const PACKAGES = ['@daytonaio/sdk', '@daytona/sdk'];

/** The package of the program that serves the local engine. */
const LOCAL_PACKAGE = '@daytonaio/local';

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

/** Path of the program that serves the local engine, or nothing when it is not installed. Looked for as native files are. */
export function localProgram(): string | undefined {
  for (const directory of [...directories(), ...modules(LOCAL_PACKAGE)]) {
    const file = join(directory, 'daytona');
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
  const here = ownDirectory();
  if (here) {
    yield* unpacked(join(here, '..', 'native'));
    yield* unpacked(join(here, 'native'));
  }
  for (const name of PACKAGES) {
    yield* modules(name, 'native');
  }
}

/** Where a package may be: in the `node_modules` above this module and above the program. */
function* modules(name: string, directory = '.'): Generator<string> {
  for (const program of [ownDirectory(), process.argv[1] && dirname(process.argv[1])]) {
    for (let above = program; above; above = dirname(above) === above ? undefined : dirname(above)) {
      yield* unpacked(join(above, 'node_modules', name, directory));
    }
  }
}

/** Modules of a bundle do not have it. */
function ownDirectory(): string | undefined {
  return typeof __dirname === 'string' ? __dirname : undefined;
}

/** Electron packs programs into an archive, and what must be real files into a directory beside it. */
function* unpacked(directory: string): Generator<string> {
  const archive = `.asar${sep}`;
  if (directory.includes(archive)) {
    yield directory.replace(archive, `.asar.unpacked${sep}`);
  }
  yield directory;
}
