// The desktop: mouse, keyboard, pictures of the screen, recordings, and an agent that works on it.
//
//   DAYTONA_API_URL=local npx tsx desktop.ts

import { rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { Daytona, type Sandbox, type ScreenshotResponse } from '@daytonaio/sdk';

async function start(sandbox: Sandbox): Promise<void> {
  // region: start
  await sandbox.computerUse.start();
  console.log((await sandbox.computerUse.getStatus()).status);
  // endregion
}

async function keyboard(sandbox: Sandbox): Promise<void> {
  // region: keyboard
  await sandbox.process.executeCommand('mousepad notes.txt >/dev/null 2>&1 &');
  const isOpen = async () => {
    const { windows } = await sandbox.computerUse.display.getWindows();
    return windows.some((window) => window.title.includes('notes') && window.isActive);
  };
  while (!(await isOpen())) {
    await setTimeout(100);
  }

  await sandbox.computerUse.keyboard.type('Grüße 👋\n');
  await sandbox.computerUse.keyboard.hotkey('ctrl+s');
  // endregion
  await saved(sandbox, 'Grüße');
}

async function mouse(sandbox: Sandbox): Promise<void> {
  // region: mouse
  const { primaryDisplay: screen } = await sandbox.computerUse.display.getInfo();
  if (screen) {
    const [x, y] = [Math.floor(screen.width / 2), Math.floor(screen.height / 2)];
    await sandbox.computerUse.mouse.click(x, y);
    await sandbox.computerUse.mouse.scroll(x, y, 'down', 3);
  }
  // endregion
}

async function screenshot(sandbox: Sandbox): Promise<void> {
  // region: screenshot
  const picture = await sandbox.computerUse.screenshot.takeFullScreen(true);
  const bytes = Buffer.from(picture.screenshot, 'base64').length;
  console.log(picture.width, 'x', picture.height, 'pixels,', bytes, 'bytes');

  const small = await sandbox.computerUse.screenshot.takeCompressed({ format: 'jpeg', quality: 70, scale: 0.5 });
  console.log(small.width, 'x', small.height, 'pixels,', small.sizeBytes, 'bytes');
  // endregion
}

async function recording(sandbox: Sandbox): Promise<void> {
  // region: recording
  const { id } = await sandbox.computerUse.recording.start('tour');
  await sandbox.computerUse.mouse.move(200, 200);
  await sandbox.computerUse.recording.stop(id);

  await sandbox.computerUse.recording.download(id, 'tour.mp4');
  // endregion
  await rm('tour.mp4');
}

async function accessibility(sandbox: Sandbox): Promise<void> {
  // region: accessibility
  const tree = sandbox.computerUse.accessibility;
  const found = await tree.findNodes({ scope: 'all', role: 'text', states: ['editable', 'showing'] });
  for (const { id } of found.matches) {
    await tree.focusNode(id);
    await tree.setNodeValue(id, 'Set by its place in the tree.\n');
  }
  // endregion
  if (found.matches.length === 0) {
    throw new Error('nothing found');
  }
}

type Action = { click: [number, number] } | { type: string } | { hotkey: string } | 'done';

/** Stands for a model that looks at the screen and says what to do next. */
function model(picture: ScreenshotResponse, step: number): Action {
  const script: Action[] = [
    { click: [Math.floor(picture.width / 2), Math.floor(picture.height / 2)] },
    { type: 'Written by an agent.\n' },
    { hotkey: 'ctrl+s' },
  ];
  return script[step] ?? 'done';
}

async function agent(sandbox: Sandbox): Promise<void> {
  // region: agent
  const desktop = sandbox.computerUse;
  for (let step = 0; step < 50; step++) {
    const picture = await desktop.screenshot.takeCompressed();
    const action = model(picture, step);
    if (action === 'done') {
      break;
    }
    if ('click' in action) {
      await desktop.mouse.click(...action.click);
    } else if ('type' in action) {
      await desktop.keyboard.type(action.type);
    } else {
      await desktop.keyboard.hotkey(action.hotkey);
    }
  }
  // endregion
  await saved(sandbox, 'agent');
}

async function act(sandbox: Sandbox): Promise<void> {
  // region: act
  const done = await sandbox.computerUse.act(
    [
      { action: 'click', x: 640, y: 360 },
      { action: 'type', text: 'Several at once.\n' },
      { action: 'hotkey', keys: 'ctrl+s' },
    ],
    { format: 'jpeg', scale: 0.5 },
  );
  console.log(done.actions, 'actions, the screen is at rest:', done.atRest);
  console.log('and shown in', done.screenshot?.sizeBytes, 'bytes');
  // endregion
  await saved(sandbox, 'at once');
}

async function trajectory(sandbox: Sandbox): Promise<void> {
  // region: trajectory
  await sandbox.computerUse.startTrajectory({ label: 'Notes' });
  await sandbox.computerUse.mouse.click(640, 360);
  await sandbox.computerUse.keyboard.type('Step by step.\n');
  const recorded = await sandbox.computerUse.stopTrajectory();

  await sandbox.fs.downloadFile(recorded.filePath, 'trajectory.html');
  // endregion
  await rm('trajectory.html');
  if (recorded.actions !== 2) {
    throw new Error(`${recorded.actions} actions`);
  }
}

/** Waits until the editor has written a text. */
async function saved(sandbox: Sandbox, text: string): Promise<void> {
  while (!(await sandbox.process.executeCommand('cat notes.txt')).result.includes(text)) {
    await setTimeout(100);
  }
}

await using daytona = new Daytona();
// region: create
const params = { snapshot: 'daytona-desktop' };
// endregion
await using sandbox = await daytona.create(params);
for (const part of [start, keyboard, mouse, screenshot, recording, accessibility, agent, act, trajectory]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
