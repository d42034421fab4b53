import type { ScreenshotResponse as Picture } from './generated/models.js';
import { type CallOptions, Service } from './service.js';

/** A picture of the screen. */
export interface ScreenshotResponse extends Picture {
  /** The same as {@link Picture.sizeBytes}, as older programs read it. */
  size_bytes?: number;
}

/** Pictures as programs read them. */
export abstract class ScreenshotAnswers extends Service {
  /** @internal */
  protected async picture(op: string, args: object, options?: CallOptions): Promise<ScreenshotResponse> {
    const picture = await this.invoke<Picture>(op, args, options);
    return { ...picture, size_bytes: picture.sizeBytes };
  }
}
