// Batches of logs, runs and directories on their way: frames of a tag (1 byte), a length (4 bytes, little-endian) and the content.

/** Tag of a frame with standard output. */
export const STDOUT = 1;
/** Tag of a frame with standard error. */
export const STDERR = 2;
/** Tag of a frame with the exception that ended a run. */
export const ERROR = 3;
/** Tag of a frame with how far a transfer has come. */
export const PROGRESS = 4;
/** Tag of a frame with a line of the log of a build. */
export const LINE = 5;

const HEADER = 5;

/** A piece of a stream of events. */
export interface Frame {
  readonly tag: number;
  readonly content: Buffer;
}

/** The frames of a batch. Their contents are views of it. */
export function* frames(batch: Buffer): Generator<Frame> {
  for (let at = 0; at + HEADER <= batch.length; ) {
    const start = at + HEADER;
    const end = start + batch.readUInt32LE(at + 1);
    yield { tag: batch.readUInt8(at), content: batch.subarray(start, end) };
    at = end;
  }
}

/** The contents of a batch's frames as text. A short line costs less this way than with a view of its own. */
export function texts(batch: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at + HEADER <= batch.length; ) {
    const start = at + HEADER;
    at = start + batch.readUInt32LE(at + 1);
    found.push(batch.toString('utf8', start, at));
  }
  return found;
}
