// Builds `dist`: one CommonJS bundle, an ES module that re-exports it, and the types.

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

rmSync(`${root}/dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: ['src/index.ts'],
  outfile: 'dist/index.js',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node18',
  legalComments: 'none',
  // Classes that name themselves would be called `_Daytona`.
  keepNames: true,
  plugins: [{ name: 'builtins', setup: loadBuiltins }],
});

/** Loads Node.js' own modules without `require` where possible: bundles that are ES modules have none. */
function loadBuiltins({ onResolve, onLoad }) {
  onResolve({ filter: /^node:/ }, ({ path, namespace }) =>
    namespace === 'builtin' ? { path, external: true } : { path, namespace: 'builtin' },
  );
  onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
    contents: `module.exports = process.getBuiltinModule?.('${path}') ?? require('${path}')`,
  }));
}

// One instance of every class, however the package is imported: the ES module holds no code of its own.
const names = Object.keys(require(`${root}/dist/index.js`)).sort();
const exports = names.map((name) => `  ${name},\n`).join('');
writeFileSync(`${root}/dist/index.mjs`, `import sdk from './index.js';\n\nexport const {\n${exports}} = sdk;\n`);
writeFileSync(`${root}/dist/index.d.mts`, "export * from './types/index.js';\n");

execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'], {
  cwd: root,
  stdio: 'inherit',
});
