import type { DisplayInfo, DisplayInfoResponse as Displays } from './generated/models.js';
import { type CallOptions, Service } from './service.js';

/** The displays of a desktop. */
export interface DisplayInfoResponse extends Displays {
  /** The same as {@link Displays.primaryDisplay}, as older programs read it. */
  primary_display?: DisplayInfo;
  /** The same as {@link Displays.totalDisplays}, as older programs read it. */
  total_displays: number;
}

/** Displays as programs read them. */
export abstract class DisplayAnswers extends Service {
  /** @internal */
  protected async info(op: string, args: object, options?: CallOptions): Promise<DisplayInfoResponse> {
    const info = await this.invoke<Displays>(op, args, options);
    return { ...info, primary_display: info.primaryDisplay, total_displays: info.totalDisplays };
  }
}
