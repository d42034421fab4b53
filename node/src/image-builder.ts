import { unusable } from './argument.js';
import { errorFromEnvelope } from './errors.js';
import type { ImageContext } from './generated/models.js';
import { type Inspect, inspection, shown } from './inspection.js';
import { native } from './native.js';

/** Series of Python that images are made with. */
export type SupportedPythonSeries = '3.9' | '3.10' | '3.11' | '3.12' | '3.13';

/** A local file or directory that an image copies. */
export interface Context extends ImageContext {
  /** Path in the build context, where the Dockerfile copies it from. */
  archivePath: string;
}

/** An image as the core has it. */
interface Parts {
  dockerfile: string;
  contexts: Context[];
}

/** The base of `Image`, which has the steps. */
export class ImageBuilder {
  #parts: Parts = { dockerfile: '', contexts: [] };

  protected constructor() {}

  /** The Dockerfile. */
  get dockerfile(): string {
    return this.#parts.dockerfile;
  }

  /** The local files that the Dockerfile copies. */
  get contextList(): Context[] {
    return [...this.#parts.contexts];
  }

  /** @internal */
  protected step(step: string, ...args: unknown[]): this {
    let taken: string;
    try {
      taken = native().imageStep(JSON.stringify({ image: this.#parts, step, args }));
    } catch (error) {
      throw errorFromEnvelope((error as Error).message);
    }
    this.#parts = JSON.parse(taken) as Parts;
    return this;
  }

  /** @internal */
  [inspection](_depth: number, options: object, inspect: Inspect): string {
    const { dockerfile, contexts } = this.#parts;
    return shown('Image', { dockerfile, contexts: contexts.length }, options, inspect);
  }
}

/**
 * Parameters whose image may be an `Image`, as the core has them.
 *
 * @internal
 */
export function withImage(params: object): object {
  const { image, ...others }: { image?: unknown } = params;
  if (image instanceof ImageBuilder) {
    return { ...others, dockerfile: image.dockerfile, contexts: image.contextList };
  }
  if (image !== undefined && image !== null && typeof image !== 'string') {
    throw unusable('image', image, "it must be an Image, or a reference like 'python:3.12-slim'");
  }
  return params;
}
