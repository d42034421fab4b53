import { unusable } from './argument.js';
import { errorFromEnvelope } from './errors.js';
import type { ImageContext, PipInstallOptions, PyprojectOptions } from './generated/models.js';
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

/**
 * An image to build, put together step by step: a Dockerfile and the local files it copies. Each step changes the image and
 * returns it, so that steps can follow one another. Local files are read when something is created from the image.
 *
 * Steps throw `DaytonaInvalidArgumentError` for what a Dockerfile cannot say.
 *
 * @example
 * const image = Image.debianSlim('3.12').pipInstall(['numpy', 'pandas']).workdir('/home/daytona');
 * const sandbox = await daytona.create({ image });
 */
export class Image {
  #parts: Parts = { dockerfile: '', contexts: [] };

  private constructor() {}

  /**
   * Starts from an image of a registry.
   *
   * @param image - Its reference, for example `python:3.12-slim`.
   */
  static base(image: string): Image {
    return new Image().#step('base', image);
  }

  /**
   * Starts from Debian with Python, a C and Fortran compiler, and an up-to-date pip.
   *
   * @param pythonVersion - A series from `3.9` to `3.13`, or one of their releases. Default: the last series.
   */
  static debianSlim(pythonVersion?: SupportedPythonSeries | (string & Record<never, never>)): Image {
    return new Image().#step('debian_slim', pythonVersion);
  }

  /**
   * Starts from a Dockerfile of this machine, with the local files that its `COPY` and `ADD` name. What `.dockerignore` leaves
   * out is not uploaded.
   *
   * @param path - Path of the Dockerfile. The files it names are beside it.
   * @param strictContext - Whether to refuse files outside its directory, also behind links. Default: false.
   */
  static fromDockerfile(path: string, strictContext?: boolean): Image {
    return new Image().#step('from_dockerfile', path, { strictContext });
  }

  /** The Dockerfile. */
  get dockerfile(): string {
    return this.#parts.dockerfile;
  }

  /** The local files that the Dockerfile copies. */
  get contextList(): Context[] {
    return [...this.#parts.contexts];
  }

  /**
   * Installs Python packages with pip, sorted by name.
   *
   * @param packages - Names, with versions where they matter: `numpy>=2`.
   * @param options - Options of pip.
   */
  pipInstall(packages: string | string[], options?: PipInstallOptions): Image {
    return this.#step('pip_install', typeof packages === 'string' ? [packages] : packages, options);
  }

  /**
   * Installs the Python packages that a requirements file of this machine lists.
   *
   * @param requirementsTxt - Path of the file.
   * @param options - Options of pip.
   */
  pipInstallFromRequirements(requirementsTxt: string, options?: PipInstallOptions): Image {
    return this.#step('pip_install_from_requirements', requirementsTxt, options);
  }

  /**
   * Installs the dependencies that a `pyproject.toml` of this machine lists.
   *
   * @param pyprojectToml - Path of the file.
   * @param options - Options of pip, and groups of optional dependencies to install too.
   */
  pipInstallFromPyproject(pyprojectToml: string, options?: PyprojectOptions): Image {
    return this.#step('pip_install_from_pyproject', pyprojectToml, options);
  }

  /**
   * Installs Debian packages with apt-get.
   *
   * @param packages - Their names.
   */
  aptGet(packages: string | string[]): Image {
    return this.#step('apt_get', typeof packages === 'string' ? [packages] : packages);
  }

  /**
   * Copies a file of this machine into the image.
   *
   * @param localPath - Path on this machine.
   * @param remotePath - Path in the image. If it ends with `/`, the file keeps its name there.
   */
  addLocalFile(localPath: string, remotePath: string): Image {
    return this.#step('add_local_file', localPath, remotePath);
  }

  /**
   * Copies what is in a directory of this machine into a directory of the image.
   *
   * @param localPath - Path on this machine.
   * @param remotePath - Path in the image.
   */
  addLocalDir(localPath: string, remotePath: string): Image {
    return this.#step('add_local_dir', localPath, remotePath);
  }

  /**
   * Runs commands while the image is built, one after the other.
   *
   * @param commands - Each a command of the shell, or a list of a program and its arguments, which the shell leaves as they are. A
   * command of several lines is run as one script.
   */
  runCommands(...commands: (string | string[])[]): Image {
    return this.#step('run_commands', commands);
  }

  /**
   * Sets environment variables for all later steps and for the sandbox.
   *
   * @param envVars - Values by name, each on one line.
   */
  env(envVars: Record<string, string>): Image {
    return this.#step('env', Object.entries(envVars ?? {}));
  }

  /**
   * Sets the working directory of all later steps and of the sandbox.
   *
   * @param dirPath - Path in the image.
   */
  workdir(dirPath: string): Image {
    return this.#step('workdir', dirPath);
  }

  /**
   * Sets the program that the sandbox starts with.
   *
   * @param entrypointCommands - The program and its arguments.
   */
  entrypoint(entrypointCommands: string[]): Image {
    return this.#step('entrypoint', entrypointCommands);
  }

  /**
   * Sets the arguments of the entrypoint, or the command where there is none.
   *
   * @param cmd - The words.
   */
  cmd(cmd: string[]): Image {
    return this.#step('cmd', cmd);
  }

  /**
   * Adds instructions of a Dockerfile as they are, with the local files that their `COPY` and `ADD` name.
   *
   * @param dockerfileCommands - The lines.
   * @param contextDir - Directory that the names of files begin at. Default: the working directory.
   * @param strictContext - Whether to refuse files outside it, also behind links. Default: false.
   */
  dockerfileCommands(dockerfileCommands: string[], contextDir?: string, strictContext?: boolean): Image {
    return this.#step('dockerfile_commands', dockerfileCommands, contextDir, { strictContext });
  }

  /**
   * Sets the user of all later steps and of the sandbox.
   *
   * @param username - Name or number.
   */
  user(username: string): Image {
    return this.#step('user', username);
  }

  /**
   * Copies files of the build context, which other steps have put there.
   *
   * @param source - Path in the build context; it may be a pattern.
   * @param destination - Path in the image.
   */
  copy(source: string, destination: string): Image {
    return this.#step('copy', source, destination);
  }

  /**
   * Copies files of the build context, or of a URL, and unpacks archives.
   *
   * @param source - Path in the build context, or a URL.
   * @param destination - Path in the image.
   */
  add(source: string, destination: string): Image {
    return this.#step('add', source, destination);
  }

  /**
   * Says which ports the programs of the image listen on.
   *
   * @param ports - 1 to 65535.
   */
  expose(...ports: number[]): Image {
    return this.#step('expose', ports);
  }

  /**
   * Labels the image.
   *
   * @param key - Key of the label.
   * @param value - Its value, on one line.
   */
  label(key: string, value: string): Image {
    return this.#step('label', key, value);
  }

  /**
   * Says which directories hold data that is kept apart.
   *
   * @param paths - Paths in the image.
   */
  volume(...paths: string[]): Image {
    return this.#step('volume', paths);
  }

  #step(step: string, ...args: unknown[]): Image {
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
 * Parameters whose image may be an {@link Image}, as the core has them.
 *
 * @internal
 */
export function withImage(params: object): object {
  const { image, ...others }: { image?: unknown } = params;
  if (image instanceof Image) {
    return { ...others, dockerfile: image.dockerfile, contexts: image.contextList };
  }
  if (image !== undefined && image !== null && typeof image !== 'string') {
    throw unusable('image', image, "it must be an Image, or a reference like 'python:3.12-slim'");
  }
  return params;
}
