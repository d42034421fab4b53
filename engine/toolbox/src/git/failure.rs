//! Messages of a failing git, as answers of the contract (wire section 3.5, additions 4.7).

use http::StatusCode;

use crate::errors::ApiError;

/// A failed git command: what it said, without the surrounding white space.
pub(super) struct Failure {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Texts of failures with their status and code. The first one found decides.
const MEANINGS: &[(&str, StatusCode, &str)] = &[
    ("authentication failed", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("could not read username", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("could not read password", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("permission denied (publickey", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("returned error: 401", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("returned error: 403", StatusCode::FORBIDDEN, "FORBIDDEN"),
    ("permission denied", StatusCode::FORBIDDEN, "FORBIDDEN"),
    ("not found in upstream", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("couldn't find remote ref", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("no such ref was fetched", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("remote ref does not exist", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("src refspec", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("invalid reference", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("did not match any file", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("not a valid object name", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("reference is not a tree", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("unable to read tree", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("unknown revision", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("failed to resolve 'head'", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("fatal: repository '", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("not a git repository", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("can only be used inside a git repository", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("repository not found", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("returned error: 404", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("does not appear to be a git repository", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("no such remote", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("no configured push destination", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("no remote repository specified", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("is outside repository", StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    ("ignored by one of your .gitignore files", StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    ("is not a valid branch name", StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    ("is not a valid remote name", StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    ("invalid initial branch name", StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    ("a branch named", StatusCode::CONFLICT, "GIT_BRANCH_EXISTS"),
    ("already exists", StatusCode::CONFLICT, "CONFLICT"),
    ("non-fast-forward", StatusCode::CONFLICT, "GIT_PUSH_REJECTED"),
    ("fetch first", StatusCode::CONFLICT, "GIT_PUSH_REJECTED"),
    ("not possible to fast-forward", StatusCode::CONFLICT, "GIT_MERGE_CONFLICT"),
    ("unrelated histories", StatusCode::CONFLICT, "GIT_MERGE_CONFLICT"),
    ("would be overwritten", StatusCode::CONFLICT, "GIT_DIRTY_WORKTREE"),
    ("not uptodate", StatusCode::CONFLICT, "GIT_DIRTY_WORKTREE"),
    ("conflict", StatusCode::CONFLICT, "GIT_MERGE_CONFLICT"),
    ("unmerged", StatusCode::CONFLICT, "GIT_MERGE_CONFLICT"),
    ("[remote rejected]", StatusCode::UNPROCESSABLE_ENTITY, "GIT_REMOTE_REJECTED"),
    ("certificate", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("could not resolve host", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("could not resolve", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("failed to connect", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("unable to access", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("could not read from remote repository", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("the remote end hung up", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
];

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let said = if failure.stderr.is_empty() { failure.stdout } else { failure.stderr };
        let lower = said.to_lowercase();
        let (_, status, code) = MEANINGS.iter().find(|(words, ..)| lower.contains(words)).copied().unwrap_or((
            "",
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_SERVER_ERROR",
        ));
        Self::new(status, code, said)
    }
}
