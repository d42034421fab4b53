// The files of a sandbox: browse, look into, upload, download, delete.

import { useRef, useState } from 'preact/hooks';
import { useAction, useLoad, useWorkspace } from './context.ts';
import { Confirmation, Failure, Table } from './elements.tsx';
import type { Sandbox } from './live.ts';
import { Output } from './log.tsx';

interface FileInfo {
  name: string;
  size: number;
  isDir: boolean;
  mode: string;
  modifiedAt?: string;
}

/** Bytes of a file that is shown in the page. */
const SHOWN = 1 << 20;

function join(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

function parent(directory: string): string {
  return directory.slice(0, directory.lastIndexOf('/')) || '/';
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export function Files({ sandbox }: { sandbox: Sandbox }) {
  const { session } = useWorkspace();
  const [directory, setDirectory] = useState<string>();
  const [shown, setShown] = useState<{ name: string; text: string }>();
  const [deleting, setDeleting] = useState<FileInfo>();
  const upload = useRef<HTMLInputElement>(null);
  const [busy, run] = useAction();
  const here = useLoad(async () => {
    const path =
      directory ?? (await session.toolbox<{ dir: string }>(sandbox.id, 'GET', '/work-dir').then(({ dir }) => dir));
    const files = await session.toolbox<FileInfo[]>(sandbox.id, 'GET', '/files', { query: { path } });
    return { path, files };
  }, [session, sandbox.id, directory]);
  const path = here.value?.path ?? '/';
  const open = (to: string) => {
    setShown(undefined);
    setDirectory(to);
  };
  const content = (file: FileInfo) =>
    session.send('GET', `/toolbox/${sandbox.id}/files/download`, { query: { path: join(path, file.name) } });
  const show = (file: FileInfo) =>
    run(async () => {
      setShown({ name: file.name, text: await beginning(await content(file)) });
      return undefined;
    });
  const download = (file: FileInfo) =>
    run(async () => {
      save(await (await content(file)).blob(), file.name);
      return `Downloaded ${file.name}.`;
    });
  const send = (files: FileList) =>
    run(async () => {
      for (const file of files) {
        const body = new FormData();
        body.set('file', file);
        await session.toolbox(sandbox.id, 'POST', '/files/upload', { query: { path: join(path, file.name) }, body });
      }
      here.reload();
      return files.length === 1 ? `Uploaded ${files[0]?.name}.` : `Uploaded ${files.length} files.`;
    });
  const remove = (file: FileInfo) =>
    run(async () => {
      const query = { path: join(path, file.name), recursive: file.isDir };
      await session.toolbox(sandbox.id, 'DELETE', '/files', { query });
      here.reload();
      return `Deleted ${file.name}.`;
    });
  return (
    <>
      <form
        class="bar"
        method="post"
        onSubmit={(event) => {
          event.preventDefault();
          open(String(new FormData(event.currentTarget).get('path')));
        }}
      >
        <button type="button" disabled={path === '/'} onClick={() => open(parent(path))}>
          Up
        </button>
        <input aria-label="Directory" name="path" value={path} key={path} spellcheck={false} autocomplete="off" />
        <button type="submit">Go</button>
        <button type="button" class="primary" disabled={busy} onClick={() => upload.current?.click()}>
          Upload
        </button>
        <input
          ref={upload}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={(event) => {
            const { files } = event.currentTarget;
            if (files !== null && files.length > 0) {
              void send(files);
            }
          }}
        />
      </form>
      <Failure text={here.error} />
      {here.value !== undefined && (
        <Table
          caption={`Files in ${path}`}
          head={['Name', 'Size', 'Mode', 'Changed', 'Actions']}
          none="This directory is empty."
          rows={[...here.value.files]
            .sort((left, right) => Number(right.isDir) - Number(left.isDir) || left.name.localeCompare(right.name))
            .map((file) => (
              <tr key={file.name}>
                <th scope="row">
                  {file.isDir ? (
                    <button type="button" class="link" onClick={() => open(join(path, file.name))}>
                      {file.name}/
                    </button>
                  ) : (
                    file.name
                  )}
                </th>
                <td>{file.isDir ? '–' : size(file.size)}</td>
                <td>
                  <code>{file.mode}</code>
                </td>
                <td>{file.modifiedAt ? new Date(file.modifiedAt).toLocaleString() : '–'}</td>
                <td>
                  <div class="actions">
                    {!file.isDir && (
                      <>
                        <button
                          type="button"
                          disabled={busy || file.size > SHOWN}
                          aria-label={`View ${file.name}`}
                          onClick={() => show(file)}
                        >
                          View
                        </button>
                        <button
                          type="button"
                          disabled={busy}
                          aria-label={`Download ${file.name}`}
                          onClick={() => download(file)}
                        >
                          Download
                        </button>
                      </>
                    )}
                    <button
                      type="button"
                      class="danger"
                      disabled={busy}
                      aria-label={`Delete ${file.name}`}
                      onClick={() => setDeleting(file)}
                    >
                      Delete
                    </button>
                  </div>
                </td>
              </tr>
            ))}
        />
      )}
      {shown !== undefined && (
        <>
          <h2>{shown.name}</h2>
          <Output label={`Content of ${shown.name}`} text={shown.text} />
        </>
      )}
      {deleting !== undefined && (
        <Confirmation
          title={deleting.isDir ? 'Delete this directory?' : 'Delete this file?'}
          action="Delete"
          close={() => setDeleting(undefined)}
          confirm={() => remove(deleting)}
        >
          <bdi>{join(path, deleting.name)}</bdi> {deleting.isDir && 'and everything in it '}is deleted for good.
        </Confirmation>
      )}
    </>
  );
}

/** The first bytes of an answer as text. What a sandbox says of a file's size may not be true. */
async function beginning(answer: Response): Promise<string> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const piece = await reader?.read();
    if (piece === undefined || piece.done) {
      return text;
    }
    text += piece.value;
    if (text.length > SHOWN) {
      reader?.cancel().catch(() => {});
      return text.slice(0, SHOWN);
    }
  }
}

/** Hands something to the browser as a download. */
export function save(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken it over when this runs.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
