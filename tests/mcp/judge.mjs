// The official SDK for TypeScript as a client: `judge.mjs SDK_DIRECTORY URL HEADERS` over HTTP and on pipes.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [directory, url, headers] = process.argv.slice(2);
const require = createRequire(`${directory}/`);
const sdk = async (name) => import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/${name}`)).href);
const { Client } = await sdk('client/index.js');
const { StdioClientTransport } = await sdk('client/stdio.js');
const { StreamableHTTPClientTransport } = await sdk('client/streamableHttp.js');

const env = { ...process.env, DAYTONA_API_URL: 'local' };
const command = process.env.DAYTONA_LOCAL_BINARY;
const transports = [
  () => new StdioClientTransport({ command, args: ['mcp', 'start'], env }),
  () => new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: JSON.parse(headers) } }),
];
for (const transport of transports) {
  const client = new Client({ name: 'judge', version: '1' });
  await client.connect(transport());
  const { tools } = await client.listTools();
  assert.ok(tools.length >= 12);
  const made = await client.callTool({ name: 'create_sandbox', arguments: {} });
  const { id } = made.structuredContent;
  const progress = [];
  const result = await client.callTool(
    { name: 'execute_command', arguments: { id, command: 'for i in 1 2 3 4; do echo $i; sleep 0.3; done' } },
    undefined,
    { onprogress: (report) => progress.push(report.progress) },
  );
  assert.equal(result.structuredContent.output, '1\n2\n3\n4\n');
  assert.ok(progress.length > 0);
  await client.callTool({ name: 'file_upload', arguments: { id, file_path: '/tmp/x', content: 'ü' } });
  const resource = await client.readResource({ uri: `daytona://${id}/tmp/x` });
  assert.equal(resource.contents[0].text, 'ü');
  await assert.rejects(client.callTool({ name: 'nonsense', arguments: {} }));
  await client.callTool({ name: 'destroy_sandbox', arguments: { id } });
  await client.close();
}

// A directory of this machine that is shared.
const shared = mkdtempSync(join(tmpdir(), 'judge-'));
const client = new Client({ name: 'judge', version: '1' });
try {
  writeFileSync(join(shared, 'file'), 'there and back');
  const args = ['mcp', 'start', '--share', shared, '--tools', 'default,computer'];
  await client.connect(new StdioClientTransport({ command, args, env }));
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  assert.ok(names.includes('upload_directory') && names.includes('computer_use_screenshot'));
  const up = await client.callTool({ name: 'upload_directory', arguments: { localPath: '.', path: '/tmp/shared' } });
  assert.equal(up.structuredContent.files, 1);
  await client.callTool({ name: 'download_directory', arguments: { path: '/tmp/shared', localPath: 'back' } });
  assert.equal(readFileSync(join(shared, 'back/file'), 'utf8'), 'there and back');
} finally {
  await client.close();
  rmSync(shared, { recursive: true });
}
