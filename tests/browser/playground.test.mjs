// The playground: what it runs, and that the programs it shows run as well.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { start } from './browser.mjs';
import { isAccessible, logIn, visit } from './dashboard.mjs';

const ROOT = join(import.meta.dirname, '../..');
const { browser } = await start();

/** Code and values that each language would like to read differently. */
const CODE =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: other languages would fill it in
  'text = "#{1}${2} `back` \\\\ \'single\' é"\nprint(text, flush=True)\nimport os\nprint(os.environ["QUOTED"])';
const VALUE = `a "b" #{c} \${d} \\n \` é`;
const EXPECTED = `#{1}\${2} \`back\` \\ 'single' é\n${VALUE}`;

const { context, page, failures } = await logIn(browser);
after(() => context.close());
await visit(page, 'Playground');
await page.getByLabel('Code', { exact: true }).fill(CODE);
await page.getByLabel('Environment').fill(`QUOTED=${VALUE}`);
await page.getByLabel('Labels').fill('made=by the "playground"');
await page.getByLabel('Stop after').fill('5');

async function shown(language) {
  await page.getByLabel('Language of the program').selectOption(language);
  return page.getByRole('region', { name: `The program in ${language}` }).textContent();
}

test('run does what the parameters say, and deletes the sandbox', async () => {
  await isAccessible(page);
  await page.getByRole('button', { name: 'Run' }).click();
  await page.getByText('Deleted the sandbox.').waitFor();
  const output = await page.getByRole('log', { name: 'Output' }).innerText();
  assert.ok(output.includes(EXPECTED), output);
  assert.ok(output.includes('[exit code 0]'), output);
  assert.deepEqual(failures, []);
});

const directory = mkdtempSync(join(ROOT, 'target/playground-'));
after(() => rmSync(directory, { recursive: true }));
const tsx = pathToFileURL(createRequire(join(ROOT, 'node/package.json')).resolve('tsx')).href;
const RUNS = {
  Python: ['program.py', (file) => ['python3', [file], { PYTHONPATH: join(ROOT, 'python/src') }]],
  TypeScript: ['program.mts', (file) => [process.execPath, ['--import', tsx, file], {}]],
  Ruby: ['program.rb', (file) => ['ruby', ['-I', join(ROOT, 'ruby/lib'), file], {}]],
};

for (const [language, [name, command]] of Object.entries(RUNS)) {
  test(`the program in ${language} does the same`, async () => {
    const file = join(directory, name);
    const text = (await shown(language)).replace("'@daytonaio/sdk'", JSON.stringify(join(ROOT, 'node/dist/index.mjs')));
    writeFileSync(file, text);
    const [program, args, env] = command(file);
    const { stdout } = await promisify(execFile)(program, args, { env: { ...process.env, ...env } });
    assert.equal(stdout.trim(), EXPECTED);
  });
}

test('the programs in Go and Rust are ones, as their formatters see it', async () => {
  const format = async (language, name, program, args) => {
    const file = join(directory, name);
    const text = await shown(language);
    writeFileSync(file, text);
    return [text, (await promisify(execFile)(program, [...args, file])).stdout];
  };
  const [go, formatted] = await format('Go', 'main.go', 'gofmt', []);
  assert.equal(formatted, go);
  await format('Rust', 'main.rs', 'rustfmt', ['--edition', '2024']);
});
