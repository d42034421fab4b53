// A worker that is ended with calls in flight leaves the others alone.

import { Worker } from 'node:worker_threads';
import { hello, left } from './hello.mjs';

const worker = new Worker(new URL('./busy.mjs', import.meta.url));
await new Promise((done, fail) => worker.once('message', done).once('error', fail));
await worker.terminate();
console.log(await hello(), left());
