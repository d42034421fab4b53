import { Daytona } from './daytona.js';
import { type Inspect, inspection, shown } from './inspection.js';

/** A client has a key, which the storage is not sent. */
const NO_KEY = 'object-storage';

/** Where an object storage is, and the credentials for it: those of `daytona.snapshot.pushAccess()`. */
export interface ObjectStorageConfig {
  /** URL of the storage, which speaks S3's protocol. */
  endpointUrl: string;
  /** Access key. */
  accessKeyId: string;
  /** Secret that belongs to the access key. */
  secretAccessKey: string;
  /** Token that says for how long, and for which objects, the access key is valid. */
  sessionToken?: string;
  /** Bucket. Default: `daytona-volume-builds`. */
  bucketName?: string;
}

/** Uploads files and directories as contexts of builds, for programs that do not leave that to `create`. */
export class ObjectStorage {
  readonly #config: ObjectStorageConfig;
  readonly #daytona = new Daytona({ apiKey: NO_KEY });

  /** @param config - Where the storage is, and the credentials for it. */
  constructor(config: ObjectStorageConfig) {
    this.#config = { ...config };
  }

  /**
   * Uploads a file or directory, unless it is there already.
   *
   * @param path - Local file or directory.
   * @param organizationId - Organization whose credentials they are.
   * @param archiveBasePath - Path by which a Dockerfile names it.
   * @returns The hash of the context: 32 hexadecimal digits.
   * @throws `DaytonaInvalidArgumentError` when a file cannot be read, `DaytonaAuthorizationError` when the storage refuses the
   * credentials.
   */
  async upload(path: string, organizationId: string, archiveBasePath: string): Promise<string> {
    const { endpointUrl, accessKeyId, secretAccessKey, sessionToken, bucketName } = this.#config;
    const access = {
      storageUrl: endpointUrl,
      accessKey: accessKeyId,
      secret: secretAccessKey,
      sessionToken: sessionToken ?? '',
      bucket: bucketName ?? '',
      organizationId,
    };
    return this.#daytona.snapshot.uploadContext(access, path, { archiveBasePath });
  }

  /** @internal */
  [inspection](_depth: number, options: object, inspect: Inspect): string {
    const { endpointUrl, bucketName } = this.#config;
    return shown('ObjectStorage', { endpointUrl, bucketName }, options, inspect);
  }
}
