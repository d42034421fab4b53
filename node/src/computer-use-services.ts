import type { Connection } from './connection.js';
import { Accessibility } from './generated/accessibility.js';
import { Display } from './generated/display.js';
import { Keyboard } from './generated/keyboard.js';
import { Mouse } from './generated/mouse.js';
import { RecordingService } from './generated/recording-service.js';
import { Screenshot } from './generated/screenshot.js';
import { Service, type Target } from './service.js';

/** A desktop with what is done on it. */
export abstract class ComputerUseServices extends Service {
  /** The mouse. */
  readonly mouse: Mouse;
  /** The keyboard. */
  readonly keyboard: Keyboard;
  /** Pictures of the screen. */
  readonly screenshot: Screenshot;
  /** Displays and windows. */
  readonly display: Display;
  /** Recordings of the screen. */
  readonly recording: RecordingService;
  /** What the programs show, as a tree. */
  readonly accessibility: Accessibility;

  /** @internal */
  constructor(connection: Connection, target: Target) {
    super(connection, target);
    this.mouse = new Mouse(connection, target);
    this.keyboard = new Keyboard(connection, target);
    this.screenshot = new Screenshot(connection, target);
    this.display = new Display(connection, target);
    this.recording = new RecordingService(connection, target);
    this.accessibility = new Accessibility(connection, target);
  }
}
