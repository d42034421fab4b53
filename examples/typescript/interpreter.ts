/**
 * The code interpreter: Python whose variables, imports and functions last from run to run, and charts.
 *
 * DAYTONA_API_URL=local npx tsx interpreter.ts
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChartType, Daytona, type Sandbox } from '@daytonaio/sdk';

async function state(sandbox: Sandbox): Promise<void> {
  // region: state
  const interpreter = sandbox.codeInterpreter;
  await interpreter.runCode('import math\nradius = 2');
  const { stdout } = await interpreter.runCode("print(f'{math.pi * radius ** 2:.2f}')");
  console.log(stdout);

  const { error } = await interpreter.runCode('radius / 0'); // An exception is a result, not an error.
  console.log(`${error?.name}: ${error?.value}`);
  // endregion
}

async function live(sandbox: Sandbox): Promise<void> {
  // region: live
  const code = "import os, sys\nprint(os.environ['GREETING'], flush=True)\nprint('careful', file=sys.stderr)";
  await sandbox.codeInterpreter.runCode(code, {
    onStdout: ({ output }) => process.stdout.write(output),
    onStderr: ({ output }) => process.stderr.write(output),
    envs: { GREETING: 'hello' },
    timeout: 30,
  });
  // endregion
}

async function contexts(sandbox: Sandbox): Promise<void> {
  // region: contexts
  const interpreter = sandbox.codeInterpreter;
  const context = await interpreter.createContext('/tmp');
  await interpreter.runCode('secret = 42', { context });
  const { error } = await interpreter.runCode('secret'); // The default context is another one.
  console.log(error?.name ?? 'found');
  await interpreter.deleteContext(context);
  // endregion
}

async function charts(sandbox: Sandbox): Promise<void> {
  // region: charts
  const { artifacts } = await sandbox.process.codeRun(
    `import matplotlib.pyplot as plt
plt.plot([1, 2, 3], [1, 4, 9], label='squares')
plt.title('Growth')
plt.show()`,
  );
  for (const chart of artifacts?.charts ?? []) {
    console.log(chart.type, chart.title);
    if (chart.type === ChartType.LINE) {
      console.log(chart.elements[0]?.label, chart.elements[0]?.points);
    }
    if (chart.png) {
      writeFileSync(join(mkdtempSync(join(tmpdir(), 'charts-')), 'chart.png'), chart.png, 'base64');
    }
  }
  // endregion
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
for (const part of [state, live, contexts, charts]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
