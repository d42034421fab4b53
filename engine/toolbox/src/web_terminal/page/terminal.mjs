// A terminal in a page. The server keeps the last output, so a connection that breaks is made again where it was.
//
// Neither side sends more than the other has taken: output waits at the server while the page draws, and what is pasted waits
// here while the program reads.

import { FitAddon } from './addon-fit.mjs';
import { Terminal } from './xterm.mjs';

/** Bytes of input in one message, and on their way at once. */
const PIECE = 16 * 1024;
const INPUT_WINDOW = 64 * 1024;

/** Milliseconds until the first attempt to connect again, and at most. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5000;

const status = document.querySelector('#status');
const [statusText, renew] = status.children;
const terminal = new Terminal({ cursorBlink: true, fontSize: 14, scrollback: 5000, theme: { background: '#101418' } });
const fit = new FitAddon();
terminal.loadAddon(fit);
terminal.open(document.querySelector('#terminal'));
fit.fit();
terminal.focus();

/** The same in this tab after it is loaded again. */
let id = sessionStorage.getItem('terminal') ?? newTerminal();
/** Bytes of output received since the terminal began; the server counts as well. */
let received = 0;
/** Input that has not been sent, bytes sent on this connection, and bytes of them that the program has been given. */
let waiting = [];
let sent = 0;
let taken = 0;
let socket;
let ended = false;
let pause = FIRST_PAUSE;

function newTerminal() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  const fresh = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  sessionStorage.setItem('terminal', fresh);
  return fresh;
}

function show(text, canRenew) {
  statusText.textContent = text;
  renew.hidden = !canRenew;
  status.hidden = text === '';
}

function connect() {
  const url = new URL('socket', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.search = new URLSearchParams({ id, cols: terminal.cols, rows: terminal.rows, received });
  const connection = new WebSocket(url);
  connection.binaryType = 'arraybuffer';
  socket = connection;
  connection.onmessage = ({ data }) => {
    if (typeof data === 'string') {
      control(JSON.parse(data));
    } else {
      received += data.byteLength;
      const at = received;
      terminal.write(new Uint8Array(data), () => tell({ received: at }, connection));
    }
  };
  connection.onclose = () => {
    if (connection !== socket || ended) {
      return;
    }
    show('Connecting again…', false);
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  };
}

function control(message) {
  if (message.from !== undefined) {
    if (message.from !== received) {
      // What is between has been forgotten, or this page knows nothing yet.
      terminal.reset();
      received = message.from;
    }
    // What was on its way may have been lost with the last connection; typing it twice would be worse.
    [sent, taken, pause] = [0, 0, FIRST_PAUSE];
    show('', false);
    tell({ cols: terminal.cols, rows: terminal.rows });
    flush();
  }
  if (message.taken !== undefined) {
    taken = message.taken;
    flush();
  }
  if (message.exited !== undefined) {
    ended = true;
    show(`The shell has ended with exit code ${message.exited.exitCode}.`, true);
  }
  if (message.refused !== undefined) {
    ended = true;
    show(message.refused, true);
  }
}

function tell(message, connection = socket) {
  if (connection.readyState === WebSocket.OPEN) {
    connection.send(JSON.stringify(message));
  }
}

function type(bytes) {
  for (let at = 0; at < bytes.length; at += PIECE) {
    waiting.push(bytes.subarray(at, at + PIECE));
  }
  flush();
}

function flush() {
  while (waiting.length > 0 && sent - taken < INPUT_WINDOW && socket.readyState === WebSocket.OPEN) {
    const piece = waiting.shift();
    sent += piece.length;
    socket.send(piece);
  }
}

terminal.onData((text) => type(new TextEncoder().encode(text)));
terminal.onBinary((text) => type(Uint8Array.from(text, (character) => character.charCodeAt(0))));
terminal.onResize(({ cols, rows }) => tell({ cols, rows }));
terminal.onTitleChange((title) => {
  document.title = title || 'Terminal';
});
new ResizeObserver(() => fit.fit()).observe(document.querySelector('#terminal'));
renew.addEventListener('click', () => {
  id = newTerminal();
  [received, waiting, ended] = [0, [], false];
  terminal.reset();
  terminal.focus();
  show('', false);
  connect();
});
connect();
