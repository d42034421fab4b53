import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Daytona, DaytonaError, DaytonaInvalidArgumentError, Image, ObjectStorage } from '@daytonaio/sdk';

test('steps follow one another and change the image', () => {
  const directory = mkdtempSync(join(tmpdir(), 'image-'));
  writeFileSync(join(directory, 'requirements.txt'), 'numpy\n');
  const image = Image.debianSlim('3.12')
    .pipInstall(['pandas', 'numpy>=2'], { pre: true, extraIndexUrls: ['https://example.com/simple'] })
    .pipInstall('scipy')
    .pipInstallFromRequirements(join(directory, 'requirements.txt'))
    .addLocalFile(join(directory, 'requirements.txt'), '/app/')
    .runCommands('echo hello', ['echo', 'two words'])
    .env({ B: 'two words', A: '1' })
    .workdir('/app')
    .entrypoint(['python', 'app.py'])
    .cmd([]);
  const archive = directory.slice(1);
  assert.deepEqual(image.dockerfile.trimEnd().split('\n').slice(5), [
    "RUN python -m pip install 'numpy>=2' pandas --extra-index-url https://example.com/simple --pre",
    'RUN python -m pip install scipy',
    `COPY ["${archive}/requirements.txt", "/.requirements.txt"]`,
    'RUN python -m pip install -r /.requirements.txt',
    `COPY ["${archive}/requirements.txt", "/app/requirements.txt"]`,
    'RUN echo hello',
    'RUN "echo" "two words"',
    "ENV B='two words'",
    'ENV A=1',
    'WORKDIR /app',
    'ENTRYPOINT ["python", "app.py"]',
    'CMD []',
  ]);
  assert.deepEqual(
    image.contextList.map(({ sourcePath }) => sourcePath),
    [join(directory, 'requirements.txt'), join(directory, 'requirements.txt')],
  );
  assert.equal(image.workdir('/x'), image);
});

test('a Dockerfile brings the files it copies', () => {
  const directory = mkdtempSync(join(tmpdir(), 'image-'));
  writeFileSync(join(directory, 'package.json'), '{}');
  const text = 'FROM node:22\nCOPY package*.json /app/\n';
  writeFileSync(join(directory, 'Dockerfile'), text);
  const image = Image.fromDockerfile(join(directory, 'Dockerfile'));
  assert.equal(image.dockerfile, text);
  assert.deepEqual(
    image.contextList.map(({ archivePath }) => archivePath),
    ['package.json'],
  );
  assert.equal(image.dockerfileCommands(['RUN true'], directory).dockerfile, `${text}RUN true\n`);
});

test('what no Dockerfile can say is refused', () => {
  const image = Image.base('debian:12');
  for (const refused of [
    () => Image.base(''),
    () => Image.debianSlim('2.7'),
    () => image.env({ A: '1\n2' }),
    () => image.workdir(''),
    () => image.entrypoint('python' as never),
    () => image.pipInstallFromRequirements('/none/requirements.txt'),
    () => image.expose(0),
    () => Image.fromDockerfile('/none/Dockerfile'),
  ]) {
    assert.throws(refused, DaytonaInvalidArgumentError);
  }
  assert.equal(image.dockerfile, 'FROM debian:12\n');
});

test('contexts are uploaded by hand', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'context-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'file.txt');
  writeFileSync(file, 'content');
  await using daytona = new Daytona();
  const access = await daytona.snapshot.pushAccess();
  const storage = new ObjectStorage({
    endpointUrl: access.storageUrl,
    accessKeyId: access.accessKey,
    secretAccessKey: access.secret,
    sessionToken: access.sessionToken,
    bucketName: access.bucket,
  });
  const hash = await storage.upload(file, access.organizationId, 'file.txt');
  assert.match(hash, /^[0-9a-f]{32}$/);
  assert.equal(await daytona.snapshot.uploadContext(access, file, { archiveBasePath: 'file.txt' }), hash);
  assert.ok(!inspect([storage, access]).includes(access.secret));
  await assert.rejects(storage.upload(file, 'another', 'file.txt'), DaytonaError);
  await assert.rejects(
    storage.upload(join(directory, 'none'), access.organizationId, 'x'),
    DaytonaInvalidArgumentError,
  );
});
