import { parentPort } from 'node:worker_threads';
import { Daytona } from '@daytonaio/sdk';

const daytona = new Daytona();
const sandbox = await daytona.create({ autoDeleteInterval: 0, autoStopInterval: 1 });
for (let i = 0; i < 20; i++) {
  sandbox.process.executeCommand('sleep 30').catch(() => {});
}
await sandbox.getWorkDir();
parentPort.postMessage('busy');
