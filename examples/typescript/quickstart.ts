// Quickstart: the tour that every language's package has.
//
//   npm install @daytonaio/sdk tsx
//   DAYTONA_API_URL=local npx tsx quickstart.ts ../data/sales.csv
//
// In this repository: cd node && npm run quickstart

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Daytona, type Sandbox } from '@daytonaio/sdk';

const ANALYSIS = `
import csv, sys
rows = list(csv.DictReader(open("sales.csv")))
for region in sorted({row["region"] for row in rows}):
    units = sum(int(row["units"]) for row in rows if row["region"] == region)
    print(f"{region}: {units} units", flush=True)
print(f"read {len(rows)} rows", file=sys.stderr, flush=True)
`;

const CHART = `
import csv
import matplotlib.pyplot as plt
months = {}
for row in csv.DictReader(open("sales.csv")):
    months[row["month"]] = months.get(row["month"], 0) + float(row["revenue"])
print(f"{sum(months.values()):.2f}")
plt.plot(list(months), list(months.values()))
plt.title("Revenue by month")
plt.show()
`;

/** Runs a step and prints its label, the time it took and what it has to tell. */
async function step(label: string, run: () => Promise<string>): Promise<void> {
  const started = performance.now();
  report(label, started, await run());
}

function report(label: string, started: number, detail: string): void {
  const took = Math.floor(performance.now() - started);
  console.log(`  ${label.padEnd(20)} ${String(took).padStart(6)} ms  ${detail}`);
}

async function uploadTable(sandbox: Sandbox, table: string): Promise<string> {
  await sandbox.fs.uploadFile(table, 'sales.csv');
  const { size } = await sandbox.fs.getFileDetails('sales.csv');
  return `sales.csv, ${size} bytes`;
}

/** Runs a program in the background and prints what it writes while it runs. */
async function runLive(sandbox: Sandbox): Promise<string> {
  await sandbox.fs.uploadFile(Buffer.from(ANALYSIS), 'analysis.py');
  await sandbox.process.createSession('analysis');
  const { cmdId } = await sandbox.process.executeSessionCommand('analysis', {
    command: 'python3 analysis.py',
    runAsync: true,
  });
  await sandbox.process.getSessionCommandLogs('analysis', cmdId, printLines('stdout'), printLines('stderr'));
  const { exitCode } = await sandbox.process.getSessionCommand('analysis', cmdId);
  return `exit code ${exitCode}`;
}

/** Prints the lines that are complete; a chunk may end anywhere. */
function printLines(name: string): (chunk: string) => void {
  let pending = '';
  return (chunk) => {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      console.log(`    ${name}  ${line}`);
    }
  };
}

/** Runs a program whose chart comes back as a picture. */
async function drawChart(sandbox: Sandbox): Promise<string> {
  const { artifacts, result } = await sandbox.process.codeRun(CHART);
  const png = artifacts?.charts?.[0]?.png;
  if (!png) {
    throw new Error(`no chart, but: ${result}`);
  }
  const picture = Buffer.from(png, 'base64');
  const path = join(await mkdtemp(join(tmpdir(), 'quickstart-')), 'chart.png');
  await writeFile(path, picture);
  return `revenue ${result.trim()}, ${picture.length} bytes in ${path}`;
}

/** Shows that directory and variables last from command to command. */
async function shellSession(sandbox: Sandbox): Promise<string> {
  await sandbox.process.createSession('shell');
  await sandbox.process.executeSessionCommand('shell', { command: 'cd /tmp && GREETING=hello' });
  const { cmdId } = await sandbox.process.executeSessionCommand('shell', {
    command: 'echo "$GREETING from $PWD"',
    runAsync: true,
  });
  let text = '';
  for await (const chunk of await sandbox.process.streamSessionCommandLogs('shell', cmdId)) {
    text += chunk.text;
  }
  await sandbox.process.deleteSession('shell');
  return text.trim();
}

/** Drives a terminal: input, another size, the exit code. */
async function terminal(sandbox: Sandbox): Promise<string> {
  const pty = await sandbox.process.createPty({ id: 'terminal', cols: 80, rows: 24 });
  await pty.resize(100, 30);
  await pty.sendInput('echo size $(stty size); exit 7\n');
  let output = '';
  for await (const data of pty) {
    output += data.toString();
  }
  if (!output.includes('size 30 100')) {
    throw new Error(`unexpected output: ${JSON.stringify(output)}`);
  }
  return `size 30 100, exit code ${pty.exitCode}`;
}

async function download(sandbox: Sandbox): Promise<string> {
  const content = await sandbox.fs.downloadFile('sales.csv');
  return `sales.csv, ${content.toString().split('\n').length - 1} lines`;
}

async function tour(sandbox: Sandbox, table: string): Promise<void> {
  await step('upload CSV', () => uploadTable(sandbox, table));
  await step('run Python, live', () => runLive(sandbox));
  await step('draw chart', () => drawChart(sandbox));
  await step('shell session', () => shellSession(sandbox));
  await step('terminal', () => terminal(sandbox));
  await step('download file', () => download(sandbox));
}

const table = process.argv[2] ?? fileURLToPath(new URL('../data/sales.csv', import.meta.url));
const daytona = new Daytona();
const started = performance.now();
const sandbox = await daytona.create({ labels: { example: 'quickstart' } });
report('create sandbox', started, sandbox.id);
try {
  await tour(sandbox, table);
} finally {
  // Also after a failure.
  await step('delete sandbox', async () => {
    await sandbox.delete();
    return 'deleted';
  });
  daytona.close();
}
