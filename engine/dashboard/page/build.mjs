// Bundles the page into `dist`, with the terms of what is in it.

import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Bytes that the page may have when it is compressed. */
const MOST = 300 * 1024;

const { metafile } = await build({
  entryPoints: { dashboard: 'src/main.tsx', style: 'src/style.css' },
  outdir: 'dist',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  metafile: true,
});
await copyFile('src/index.html', 'dist/index.html');

const packages = new Set();
for (const input of Object.keys(metafile.inputs)) {
  const inside = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (inside) {
    packages.add(inside[1]);
  }
}
let terms = 'The dashboard contains these packages, under these terms:\n';
for (const name of [...packages].sort()) {
  const directory = `node_modules/${name}`;
  const file = (await readdir(directory)).find((file) => /^licen[cs]e/i.test(file));
  if (file === undefined) {
    throw new Error(`${name} comes without a file of its terms`);
  }
  terms += `\n# ${name}\n\n${await readFile(`${directory}/${file}`, 'utf8')}`;
}
await writeFile('dist/licenses.txt', terms);

let size = 0;
for (const file of ['index.html', 'style.css', 'dashboard.js']) {
  size += gzipSync(await readFile(`dist/${file}`)).length;
}
if (size > MOST) {
  throw new Error(`the dashboard has ${size} bytes compressed, more than ${MOST}`);
}
