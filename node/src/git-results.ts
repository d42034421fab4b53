import type { FileStatusData, GitCommitData, GitCommitOptions, GitStatusData } from './generated/models.js';
import { type CallOptions, Service } from './service.js';
import { withTimeout } from './timeout.js';

/** State of a changed file. */
export interface FileStatus extends FileStatusData {
  /** The same as `name`. */
  path: string;
  /** State in the worktree or, when that is unmodified, in the index. */
  status: string;
}

/** State of a repository. */
export interface GitStatus extends GitStatusData {
  /** Changed files. */
  fileStatus: FileStatus[];
}

/** A new commit. */
export interface GitCommitResponse extends GitCommitData {
  /** The same as `sha`. */
  hash: string;
}

/** The operations on repositories whose results have more fields here than elsewhere. */
export abstract class GitResults extends Service {
  /**
   * Returns the branch, its distance to the remote and the changed files.
   *
   * @param path - Directory of the repository.
   * @param options - A signal that aborts the call, and a limit for its requests.
   * @throws `DaytonaNotFoundError` (`DaytonaGitRepoNotFoundError`) when there is no repository or no commit yet.
   */
  async status(path: string, options?: CallOptions): Promise<GitStatus> {
    const { fileStatus, ...others } = await this.invoke<GitStatusData>('git.status', { path }, options);
    return {
      ...others,
      fileStatus: fileStatus.map((file) => ({
        ...file,
        path: file.name,
        status: NOTHING.has(file.worktree) ? file.staging : file.worktree,
      })),
    };
  }

  /**
   * Commits what is staged.
   *
   * @param path - Directory of the repository.
   * @param message - Message of the commit.
   * @param author - Name of its author.
   * @param email - E-mail address of its author.
   * @param allowEmpty - Whether a commit without changes is fine, or all options. Default: false.
   * @throws `DaytonaInvalidArgumentError` without message, author or e-mail address, `DaytonaInternalServerError` when
   * nothing is staged.
   */
  async commit(
    path: string,
    message: string,
    author: string,
    email: string,
    allowEmpty?: boolean | (GitCommitOptions & CallOptions),
  ): Promise<GitCommitResponse> {
    const args = { path, message, author, email };
    const commit = await this.invoke<GitCommitData>('git.commit', args, withTimeout(undefined, { allowEmpty }));
    return { ...commit, hash: commit.sha };
  }
}

/** What a side says on which nothing has changed. */
const NOTHING: ReadonlySet<string> = new Set(['Unmodified', '']);
