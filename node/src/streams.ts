// Pieces of bytes as the streams of Node.js and of the web.

import type { Readable, Writable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

/** Where pieces come from. */
export interface Pieces {
  /** The pieces in order. */
  readonly next: () => Promise<IteratorResult<Buffer, void>>;
  /** Ends them at once, also while one is waited for. */
  readonly close: () => void;
}

/** The pieces as a Node.js stream. Destroying it closes them. */
export function nodeStream({ next, close }: Pieces): Readable {
  const { Readable } = require('node:stream') as typeof import('node:stream');
  const stream: Readable = new Readable({
    read() {
      next().then(
        ({ done, value }) => stream.push(done ? null : value),
        (error) => stream.destroy(error),
      );
    },
    destroy(error, done) {
      close();
      done(error);
    },
  });
  return stream;
}

/** The pieces as a web stream. Cancelling it closes them. */
export function webStream({ next, close }: Pieces): ReadableStream<Uint8Array> {
  const { ReadableStream } = require('node:stream/web') as typeof import('node:stream/web');
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await next();
        if (done) {
          controller.close();
        } else {
          controller.enqueue(value);
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}

/** Where pieces go. */
export interface Sink {
  readonly write: (piece: Buffer) => Promise<void>;
  /** Called after the last piece. */
  readonly finish: () => Promise<void>;
  /** Ends it at once, also before its time. */
  readonly close?: () => void;
}

/** A Node.js stream that goes there. */
export function writableStream({ write, finish, close }: Sink): Writable {
  const { Writable } = require('node:stream') as typeof import('node:stream');
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      write(chunk).then(() => done(), done);
    },
    final: (done) => {
      finish().then(() => done(), done);
    },
    destroy: (error, done) => {
      close?.();
      done(error);
    },
  });
}
