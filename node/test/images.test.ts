import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaytonaInvalidArgumentError, Image } from '@daytonaio/sdk';

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
