// Puts the native library that cargo built where the package looks for it.
//
//   node scripts/native.mjs [debug|release]

import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const profile = process.argv[2] ?? 'debug';
const built = `${root}/../${process.env.CARGO_TARGET_DIR ?? 'target'}/${profile}`;
const libraries = { darwin: 'libdaytona_node.dylib', win32: 'daytona_node.dll' };
const library = libraries[process.platform] ?? 'libdaytona_node.so';

mkdirSync(`${root}/native`, { recursive: true });
const staged = `${root}/native/daytona.${process.platform}-${process.arch}.node`;
// A process that has the old file open keeps it.
copyFileSync(`${built}/${library}`, `${staged}.new`);
renameSync(`${staged}.new`, staged);
