import { StreamHandle } from './stream-handle.js';

/**
 * A port of this machine, on 127.0.0.1, that leads to a port of a sandbox. It is open until it is closed, its client is closed,
 * or it is collected.
 */
export class PortForward extends StreamHandle {
  /** The port of this machine. */
  get localPort(): number {
    return this.info<{ localPort: number }>().localPort;
  }

  /** Whether only HTTP passes, WebSockets included, because the server offers no raw connections. */
  get httpOnly(): boolean {
    return this.info<{ httpOnly: boolean }>().httpOnly;
  }

  /** Stops listening and ends all connections at once. May be called any number of times. */
  override close(): void {
    super.close();
  }
}
