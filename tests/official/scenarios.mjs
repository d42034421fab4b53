// The released TypeScript SDK against the engine named by the environment.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { Daytona, DaytonaNotFoundError, Image } from '@daytonaio/sdk'

// Without events or an immediate state the SDK waits a second.
const PROMPT = 900
const TRIES = 20
const mark = randomUUID()
const daytona = new Daytona()

async function scenario(name, work) {
  try {
    await work()
    console.log(`ok ts: ${name}`)
  } catch (error) {
    console.log(`FAILED ts: ${name}: ${error}`)
    console.log(error.stack)
  }
}

/** Makes changes again and again until each has once taken less than a poll: a busy machine is slow now and then. */
async function promptly(changes) {
  const shortest = {}
  for (let number = 0; number < TRIES; number++) {
    for (const [name, work] of Object.entries(changes)) {
      const begun = performance.now()
      await work()
      shortest[name] = Math.min(performance.now() - begun, shortest[name] ?? Infinity)
    }
    if (Object.values(shortest).every((taken) => taken < PROMPT)) return
  }
  assert.fail(`took at least, in milliseconds: ${JSON.stringify(shortest)}`)
}

async function list(labels) {
  const found = []
  for await (const sandbox of daytona.list({ labels })) found.push(sandbox.id)
  return found.sort()
}

let sandbox
await scenario('changes are told promptly', async () => {
  let passing
  await promptly({
    create: async () => {
      passing = await daytona.create()
    },
    stop: () => passing.stop(),
    start: () => passing.start(),
    delete: () => passing.delete(60, true),
  })
})

await scenario('a sandbox is made, stopped and started', async () => {
  sandbox = await daytona.create({ labels: { suite: mark }, envVars: { GIVEN: 'yes' } })
  assert.equal(sandbox.state, 'started')
  await sandbox.process.executeCommand('echo kept > file')
  await sandbox.stop()
  assert.equal(sandbox.state, 'stopped')
  await sandbox.start()
  assert.equal((await sandbox.process.executeCommand('cat file; echo $GIVEN')).result, 'kept\nyes\n')
})

await scenario('labels and lists', async () => {
  const other = await daytona.create({ labels: { suite: mark, which: 'other' } })
  assert.deepEqual(await list({ suite: mark }), [sandbox.id, other.id].sort())
  assert.deepEqual(await list({ suite: mark, which: 'other' }), [other.id])
  await other.delete(60, true)
  await assert.rejects(daytona.get(other.id), DaytonaNotFoundError)
})

await scenario('files', async () => {
  const content = Buffer.alloc(2 << 20, 'abc')
  await sandbox.fs.createFolder('some/deep', '755')
  await sandbox.fs.uploadFile(content, 'some/deep/dätä')
  assert.ok(content.equals(await sandbox.fs.downloadFile('some/deep/dätä')))
  await sandbox.fs.uploadFiles([{ source: Buffer.from('needle'), destination: 'some/1.txt' }])
  assert.equal((await sandbox.fs.findFiles('some', 'needle')).length, 1)
  assert.deepEqual((await sandbox.fs.searchFiles('some', '*.txt')).files, ['some/1.txt'])
  assert.equal((await sandbox.fs.getFileDetails('some/1.txt')).size, 6)
  await sandbox.fs.moveFiles('some/1.txt', 'some/2.txt')
  assert.deepEqual((await sandbox.fs.listFiles('some')).map((file) => file.name), ['2.txt', 'deep'])
  await sandbox.fs.deleteFile('some', true)
  await assert.rejects(sandbox.fs.downloadFile('some/2.txt'))
})

await scenario('commands, programs and their charts', async () => {
  const answer = await sandbox.process.executeCommand('echo $A; pwd; exit 3', '/tmp', { A: 'a' })
  assert.deepEqual([answer.exitCode, answer.result], [3, 'a\n/tmp\n'])
  const code = "import matplotlib.pyplot as plt\nplt.pie([1, 3], labels=['a', 'b'])\nplt.title('T')\nplt.show()\nprint(1)"
  const ran = await sandbox.process.codeRun(code)
  assert.deepEqual([ran.exitCode, ran.result], [0, '1\n'])
  const [chart] = ran.artifacts.charts
  assert.deepEqual([chart.type, chart.title, chart.elements.length], ['pie', 'T', 2])
})

await scenario('programs in TypeScript and JavaScript', async () => {
  for (const [language, code] of [
    ['typescript', 'const x: number = 41; console.log(x + 1)'],
    ['javascript', 'console.log([41].map((x) => x + 1)[0])'],
  ]) {
    const other = await daytona.create({ language })
    try {
      assert.equal((await other.process.codeRun(code)).result, '42\n', language)
    } finally {
      await other.delete()
    }
  }
})

await scenario('sessions with live logs', async () => {
  await sandbox.process.createSession('s')
  const sync = await sandbox.process.executeSessionCommand('s', { command: 'cd /tmp; pwd; echo e >&2; (exit 4)' })
  assert.deepEqual([sync.stdout, sync.stderr, sync.exitCode], ['/tmp\n', 'e\n', 4])
  const command = 'echo ask; read line; echo "told $line"; echo warn >&2'
  const { cmdId } = await sandbox.process.executeSessionCommand('s', { command, runAsync: true })
  let out = ''
  let err = ''
  let asked
  const question = new Promise((resolve) => (asked = resolve))
  const logs = sandbox.process.getSessionCommandLogs(
    's',
    cmdId,
    (chunk) => {
      out += chunk
      if (out.includes('ask')) asked()
    },
    (chunk) => (err += chunk),
  )
  await question
  await sandbox.process.sendSessionCommandInput('s', cmdId, 'this')
  await logs
  assert.ok(out.includes('told this\n'), out)
  assert.equal(err, 'warn\n')
  assert.equal((await sandbox.process.getSessionCommand('s', cmdId)).exitCode, 0)
  await sandbox.process.deleteSession('s')
})

await scenario('terminals', async () => {
  let output = ''
  const decoder = new TextDecoder()
  const onData = (data) => (output += decoder.decode(data, { stream: true }))
  const terminal = await sandbox.process.createPty({ id: 'p', cols: 90, rows: 30, envs: { GREETING: 'höla' }, onData })
  await terminal.waitForConnection()
  await terminal.resize(91, 31)
  await terminal.sendInput('echo "<$GREETING $(stty size)>"; exit 7\n')
  const ended = await terminal.wait()
  assert.equal(ended.exitCode, 7)
  assert.ok(output.includes('<höla 31 91>'), output)
  await terminal.disconnect()
  const first = await sandbox.process.createPty({ id: 'q', onData: () => {} })
  const second = await sandbox.process.connectPty('q', { onData: () => {} })
  await second.waitForConnection()
  await first.kill()
  assert.equal((await first.wait()).exitCode, 137)
  assert.equal((await second.wait()).exitCode, 137)
})

await scenario('the interpreter', async () => {
  const interpreter = sandbox.codeInterpreter
  let live = ''
  await interpreter.runCode("x = 41\nprint('live')", { onStdout: (message) => (live += message.output) })
  assert.equal(live, 'live\n')
  assert.equal((await interpreter.runCode('print(x + 1)')).stdout, '42\n')
  assert.equal((await interpreter.runCode("raise ValueError('why')")).error.name, 'ValueError')
  const context = await interpreter.createContext('/tmp')
  assert.equal((await interpreter.runCode('import os\nprint(os.getcwd())', { context })).stdout, '/tmp\n')
  await interpreter.deleteContext(context)
})

await scenario('git', async () => {
  const { git } = sandbox
  await sandbox.process.executeCommand(
    'git init -q --bare -b main origin.git && git init -q -b main first && ' +
      'git -C first remote add origin ~/origin.git && echo one > first/a.txt',
  )
  await git.add('first', ['a.txt'])
  assert.ok((await git.commit('first', 'One', 'Ada', 'ada@example.com')).sha)
  await git.push('first')
  await git.clone('/home/daytona/origin.git', 'second')
  const { currentBranch, branchPublished, ahead, behind } = await git.status('second')
  assert.deepEqual([currentBranch, branchPublished, ahead, behind], ['main', true, 0, 0])
  await git.createBranch('second', 'topic')
  await git.checkoutBranch('second', 'main')
  assert.deepEqual((await git.branches('second')).branches.sort(), ['main', 'topic'])
  await git.deleteBranch('second', 'topic')
  await sandbox.fs.uploadFile(Buffer.from('two\n'), 'second/b.txt')
  const [changed] = (await git.status('second')).fileStatus
  assert.deepEqual([changed.name, changed.staging, changed.worktree], ['b.txt', 'Untracked', 'Untracked'])
  await git.add('second', ['.'])
  await git.commit('second', 'Two', 'Bob', 'bob@example.com')
  await git.push('second')
  await git.pull('first')
  const log = await sandbox.process.executeCommand('cat first/b.txt; git -C first log --format=%an')
  assert.equal(log.result, 'two\nBob\nAda\n')
})

await scenario('preview links', async () => {
  const serve = 'cd /tmp; echo hello > index.html; nohup python3 -m http.server 8123 >/dev/null 2>&1 &'
  await sandbox.process.executeCommand(serve)
  const connect = "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 8123))\""
  await sandbox.process.executeCommand(`until ${connect} 2>/dev/null; do :; done`)
  const link = await sandbox.getPreviewLink(8123)
  const answer = await fetch(link.url, { headers: { 'x-daytona-preview-token': link.token } })
  assert.equal(await answer.text(), 'hello\n')
})

await scenario('images are built, and snapshots made of them', async () => {
  const image = Image.base('default').runCommands('echo built > /opt/built').env({ A: 'b' })
  const lines = []
  const built = await daytona.create({ image }, { timeout: 120, onSnapshotCreateLogs: (line) => lines.push(line) })
  assert.equal((await built.process.executeCommand('cat /opt/built; echo $A')).result, 'built\nb\n')
  assert.ok(lines.join('').includes('RUN'), lines.join(''))
  await built.delete()
  const name = `official-node-${mark}`
  const snapshot = await daytona.snapshot.create({ name, image }, { onLogs: (line) => lines.push(line) })
  assert.equal(snapshot.state, 'active')
  const made = await daytona.create({ snapshot: name })
  assert.equal((await made.process.executeCommand('cat /opt/built')).result, 'built\n')
  await made.delete()
  await daytona.snapshot.delete(await daytona.snapshot.get(name))
})

await scenario('a program that leaves its sandbox ends by itself', async () => {
  const program = spawnSync(process.execPath, [new URL('leaves.mjs', import.meta.url).pathname, mark], { timeout: 120_000 })
  assert.equal(program.status, 0, String(program.stderr))
})

await scenario('deleting', async () => {
  for (const id of await list({ suite: mark })) {
    const found = await daytona.get(id)
    await found.delete(60, true)
  }
  assert.deepEqual(await list({ suite: mark }), [])
})
