import type {
  FileStatusData,
  GitCloneOptions,
  GitCommitData,
  GitCommitOptions,
  GitDeleteBranchOptions,
  GitRemoteOptions,
  GitStatusData,
} from './generated/models.js';
import { GitService } from './generated/services.js';
import type { CallOptions } from './service.js';
import { type Seconds, withTimeout } from './timeout.js';

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

/** Git repositories of a sandbox. Paths start at the working directory unless they are absolute. */
export class Git extends GitService {
  /**
   * Clones a repository.
   *
   * @param url - URL of the repository.
   * @param path - Directory to clone into; it must not exist or be empty.
   * @param branch - Branch to check out, or all options. Default: the remote's.
   * @param commitId - Commit to check out, detached.
   * @param username - User name at the remote; used only together with `password`.
   * @param password - Password or token at the remote.
   * @param insecureSkipTls - Whether to accept any TLS certificate. Default: false.
   * @param timeout - Seconds the call may take, 0 = no limit, or options. Default: 1800.
   * @throws `DaytonaGitAuthFailedError` for wrong credentials, `DaytonaGitBranchNotFoundError` for an unknown branch,
   * `DaytonaGitRepoNotFoundError` for an unknown repository, `DaytonaConflictError` when the directory is not empty,
   * `DaytonaTimeoutError`.
   * @example
   * await sandbox.git.clone('https://github.com/octocat/Hello-World.git', 'hello', { depth: 1 });
   */
  async clone(url: string, path: string, options?: GitCloneOptions & CallOptions): Promise<void>;
  async clone(
    url: string,
    path: string,
    branch?: string,
    commitId?: string,
    username?: string,
    password?: string,
    insecureSkipTls?: boolean,
    timeout?: Seconds<GitCloneOptions>,
  ): Promise<void>;
  async clone(
    url: string,
    path: string,
    branch?: string | (GitCloneOptions & CallOptions),
    commitId?: string,
    username?: string,
    password?: string,
    insecureSkipTls?: boolean,
    timeout?: Seconds<GitCloneOptions>,
  ): Promise<void> {
    const options =
      branch && typeof branch === 'object'
        ? branch
        : { branch, commitId, username, password, insecureSkipTls, ...withTimeout(timeout) };
    await this._clone(url, path, options);
  }

  /**
   * Returns the branch, its distance to the remote and the changed files.
   *
   * @param path - Directory of the repository.
   * @throws `DaytonaNotFoundError` (`DaytonaGitRepoNotFoundError`) when there is no repository or no commit yet.
   */
  async status(path: string, options: CallOptions = {}): Promise<GitStatus> {
    const { fileStatus, ...others } = await this._status(path, options);
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
   * @param allowEmpty - Whether a commit without changes is fine, or options. Default: false.
   * @throws `DaytonaInvalidArgumentError` without message, author or e-mail address, `DaytonaInternalServerError` when
   * nothing is staged.
   */
  async commit(
    path: string,
    message: string,
    author: string,
    email: string,
    allowEmpty: boolean | (GitCommitOptions & CallOptions) = {},
  ): Promise<GitCommitResponse> {
    const options = typeof allowEmpty === 'boolean' ? { allowEmpty } : allowEmpty;
    const commit = await this._commit(path, message, author, email, options);
    return { ...commit, hash: commit.sha };
  }

  /**
   * Pushes the current branch.
   *
   * @param path - Directory of the repository.
   * @param username - User name at the remote, used only together with `password`; or all options.
   * @param password - Password or token at the remote.
   * @param timeout - Seconds the call may take, 0 = no limit, or options. Default: 1800.
   * @throws `DaytonaGitAuthFailedError`, `DaytonaGitPushRejectedError` when the remote has other commits,
   * `DaytonaGitRemoteRejectedError`, `DaytonaTimeoutError`.
   */
  async push(path: string, options?: GitRemoteOptions & CallOptions): Promise<void>;
  async push(path: string, username?: string, password?: string, timeout?: Seconds<GitRemoteOptions>): Promise<void>;
  async push(
    path: string,
    username?: string | (GitRemoteOptions & CallOptions),
    password?: string,
    timeout?: Seconds<GitRemoteOptions>,
  ): Promise<void> {
    await this._push(path, remoteOptions(username, password, timeout));
  }

  /**
   * Fetches the current branch and moves forward to it.
   *
   * @param path - Directory of the repository.
   * @param username - User name at the remote, used only together with `password`; or all options.
   * @param password - Password or token at the remote.
   * @param timeout - Seconds the call may take, 0 = no limit, or options. Default: 1800.
   * @throws `DaytonaGitAuthFailedError`, `DaytonaGitMergeConflictError` when the branches have gone apart,
   * `DaytonaGitDirtyWorktreeError`, `DaytonaTimeoutError`.
   */
  async pull(path: string, options?: GitRemoteOptions & CallOptions): Promise<void>;
  async pull(path: string, username?: string, password?: string, timeout?: Seconds<GitRemoteOptions>): Promise<void>;
  async pull(
    path: string,
    username?: string | (GitRemoteOptions & CallOptions),
    password?: string,
    timeout?: Seconds<GitRemoteOptions>,
  ): Promise<void> {
    await this._pull(path, remoteOptions(username, password, timeout));
  }

  /** Checks out a branch, or a commit by its hash. The same as `checkoutBranch`. */
  async checkout(path: string, branch: string, options: CallOptions = {}): Promise<void> {
    await this.checkoutBranch(path, branch, options);
  }

  /**
   * Deletes a local branch.
   *
   * @param path - Directory of the repository.
   * @param name - Name of the branch.
   * @param force - Whether to delete a branch whose commits are nowhere else, or options. Default: what the server does,
   * which is to delete it.
   * @throws `DaytonaGitRepoNotFoundError`; when `force` is given, `DaytonaGitBranchNotFoundError` when there is none,
   * `DaytonaConflictError` when it is checked out or, with false, not merged.
   */
  async deleteBranch(
    path: string,
    name: string,
    force: boolean | (GitDeleteBranchOptions & CallOptions) = {},
  ): Promise<void> {
    await this._deleteBranch(path, name, typeof force === 'boolean' ? { force } : force);
  }
}

/** What a side says on which nothing has changed. */
const NOTHING: ReadonlySet<string> = new Set(['Unmodified', '']);

function remoteOptions(
  username: string | (GitRemoteOptions & CallOptions) | undefined,
  password: string | undefined,
  timeout: Seconds<GitRemoteOptions> | undefined,
): GitRemoteOptions & CallOptions {
  return username && typeof username === 'object' ? username : { username, password, ...withTimeout(timeout) };
}
