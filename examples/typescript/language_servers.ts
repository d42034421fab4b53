// A code assistant: completions, symbols, types and problems, from the language server of a project.
//
//   DAYTONA_API_URL=local npx tsx language_servers.ts

import { Daytona, LspLanguageId, type Sandbox } from '@daytonaio/sdk';

const files = {
  'shop/basket.ts': `/** What a customer wants to buy. */
export class Basket {
  readonly prices: number[] = [];

  add(price: number): void {
    this.prices.push(price);
  }
}
`,
  'shop/main.ts': `import { Basket } from './basket';

const basket = new Basket();
basket.add("3" );
`,
  'shop/tsconfig.json': '{}',
};

async function assistant(sandbox: Sandbox): Promise<void> {
  // region: assistant
  const server = await sandbox.createLspServer(LspLanguageId.TYPESCRIPT, 'shop');
  await server.start();

  for (const { name, children } of await server.documentSymbols('basket.ts')) {
    console.log(
      name,
      'has',
      children?.map((child) => child.name),
    );
  }

  // Lines and characters count from 0: this is behind `basket.add`.
  const completions = await server.completions('main.ts', { line: 3, character: 10 });
  console.log('completes to', completions.items.map((item) => item.label).sort());

  for (const { name, location } of await server.sandboxSymbols('Basket')) {
    console.log(name, 'is in', location.uri);
  }
  // endregion
}

async function understand(sandbox: Sandbox): Promise<void> {
  // region: understand
  const server = await sandbox.createLspServer('typescript', 'shop');
  await server.start();
  const add = { line: 3, character: 8 };

  console.log((await server.hover('main.ts', add)).contents);
  for (const { uri, range } of await server.definition('main.ts', add)) {
    console.log('defined in', uri, 'line', range.start.line + 1);
  }
  for (const { uri, range } of await server.references('main.ts', add)) {
    console.log('used in', uri, 'line', range.start.line + 1);
  }
  for (const { message, range } of await server.diagnostics('main.ts')) {
    console.log('problem in line', range.start.line + 1, message);
  }
  // endregion
}

async function change(sandbox: Sandbox): Promise<void> {
  // region: change
  const server = await sandbox.createLspServer('typescript', 'shop');
  await server.start();

  for (const { uri, edits } of await server.rename('basket.ts', { line: 1, character: 13 }, 'Cart')) {
    console.log(edits.length, 'changes in', uri);
  }
  for (const { range, newText } of await server.formatting('main.ts')) {
    console.log('line', range.start.line + 1, 'gets', JSON.stringify(newText));
  }

  await server.stop();
  // endregion
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
for (const [path, text] of Object.entries(files)) {
  await sandbox.fs.uploadFile(Buffer.from(text), path);
}
for (const part of [assistant, understand, change]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
