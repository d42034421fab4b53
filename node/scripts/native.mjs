// Puts what cargo built where the package looks for it: the native library and the `daytona` program.
//
//   node scripts/native.mjs [debug|release] [--with-program]

import { chmodSync, copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const profile = process.argv.slice(2).find((argument) => !argument.startsWith('-')) ?? 'debug';
const built = `${root}/../${process.env.CARGO_TARGET_DIR ?? 'target'}/${profile}`;
const libraries = { darwin: 'libdaytona_node.dylib', win32: 'daytona_node.dll' };
const library = libraries[process.platform] ?? 'libdaytona_node.so';

mkdirSync(`${root}/native`, { recursive: true });
put(library, `daytona.${process.platform}-${process.arch}.node`);
if (process.argv.includes('--with-program')) {
  put('daytona', 'daytona');
  chmodSync(`${root}/native/daytona`, 0o755);
}

function put(from, to) {
  // A process that has the old file open keeps it.
  copyFileSync(`${built}/${from}`, `${root}/native/${to}.new`);
  renameSync(`${root}/native/${to}.new`, `${root}/native/${to}`);
}
