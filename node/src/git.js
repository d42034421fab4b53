"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Git = void 0;
const services_js_1 = require("./generated/services.js");
const timeout_js_1 = require("./timeout.js");
/** Git repositories of a sandbox. Paths start at the working directory unless they are absolute. */
class Git extends services_js_1.GitService {
    async clone(url, path, branch, commitId, username, password, insecureSkipTls, timeout) {
        const options = branch && typeof branch === 'object'
            ? branch
            : { branch, commitId, username, password, insecureSkipTls, ...(0, timeout_js_1.withTimeout)(timeout) };
        await this._clone(url, path, options);
    }
    /**
     * Returns the branch, its distance to the remote and the changed files.
     *
     * @param path - Directory of the repository.
     * @throws `DaytonaNotFoundError` (`DaytonaGitRepoNotFoundError`) when there is no repository or no commit yet.
     */
    async status(path, options = {}) {
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
    async commit(path, message, author, email, allowEmpty = {}) {
        const options = typeof allowEmpty === 'boolean' ? { allowEmpty } : allowEmpty;
        const commit = await this._commit(path, message, author, email, options);
        return { ...commit, hash: commit.sha };
    }
    async push(path, username, password, timeout) {
        await this._push(path, remoteOptions(username, password, timeout));
    }
    async pull(path, username, password, timeout) {
        await this._pull(path, remoteOptions(username, password, timeout));
    }
    /** Checks out a branch, or a commit by its hash. The same as `checkoutBranch`. */
    async checkout(path, branch, options = {}) {
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
    async deleteBranch(path, name, force = {}) {
        await this._deleteBranch(path, name, typeof force === 'boolean' ? { force } : force);
    }
}
exports.Git = Git;
/** What a side says on which nothing has changed. */
const NOTHING = new Set(['Unmodified', '']);
function remoteOptions(username, password, timeout) {
    return username && typeof username === 'object' ? username : { username, password, ...(0, timeout_js_1.withTimeout)(timeout) };
}
