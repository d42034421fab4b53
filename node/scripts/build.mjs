// Builds `dist`: one CommonJS bundle, an ES module that re-exports it, and the types.

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

rmSync(`${root}/dist`, { recursive: true, force: true });
await bundle('index');
// What tests use shares the classes of the SDK.
await bundle('testing', ['./index.js']);

/** Bundles a module and what it imports, except for what is beside it in `dist`, too. */
async function bundle(name, external = []) {
  await build({
    absWorkingDir: root,
    entryPoints: [`src/${name}.ts`],
    outfile: `dist/${name}.js`,
    bundle: true,
    external,
    platform: 'node',
    format: 'cjs',
    target: 'node18',
    legalComments: 'none',
    // Classes that name themselves would be called `_Daytona`.
    keepNames: true,
    plugins: [{ name: 'builtins', setup: loadBuiltins }],
  });
}

/** Loads Node.js' own modules without `require` where possible: bundles that are ES modules have none. */
function loadBuiltins({ onResolve, onLoad }) {
  onResolve({ filter: /^node:/ }, ({ path, namespace }) =>
    namespace === 'builtin' ? { path, external: true } : { path, namespace: 'builtin' },
  );
  onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
    contents: `module.exports = process.getBuiltinModule?.('${path}') ?? require('${path}')`,
  }));
}

// One instance of every class, however the package is imported: an ES module holds no code of its own.
for (const name of ['index', 'testing']) {
  const names = Object.keys(require(`${root}/dist/${name}.js`)).sort();
  const exports = names.map((name) => `  ${name},\n`).join('');
  writeFileSync(`${root}/dist/${name}.mjs`, `import sdk from './${name}.js';\n\nexport const {\n${exports}} = sdk;\n`);
  writeFileSync(`${root}/dist/${name}.d.mts`, `export * from './types/${name}.js';\n`);
}

execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'], {
  cwd: root,
  stdio: 'inherit',
});
