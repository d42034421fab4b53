package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// GitService has the git repositories in a sandbox. The path that every method takes is the repository's directory.
//
// Every method that works on a repository fails with GitRepoNotFound (NotFound) when there is none. Credentials are used for
// the one call and stored nowhere.
type GitService struct {
	api api.Git
}

// Clone clones a repository into path.
//
// Options: WithBranch (default: the remote's), WithCommitId, WithUsername and WithPassword, WithCloneDepth (default: all
// commits), WithInsecureSkipTLS, WithCloneTimeout (default: 30 minutes).
//
// Errors: GitAuthFailed for wrong credentials, GitBranchNotFound for an unknown branch, GitRepoNotFound for an unknown
// repository, Conflict when the directory is not empty, GitTransportFailed, Timeout.
func (g *GitService) Clone(ctx context.Context, url, path string, opts ...func(*options.GitClone)) error {
	o := options.Apply(opts...)
	return g.api.Clone(ctx, url, path, api.GitCloneOptions{
		Branch: o.Branch, CommitID: o.CommitId, Username: o.Username, Password: o.Password,
		InsecureSkipTls: o.InsecureSkipTLS, Depth: o.Depth, Timeout: seconds(o.Timeout),
	})
}

// Status returns the branch, its distance to the remote and the changed files.
//
// Errors: NotFound also when there is no commit yet.
func (g *GitService) Status(ctx context.Context, path string) (*types.GitStatus, error) {
	return g.api.Status(ctx, path)
}

// Add stages files; "." stands for all.
//
// Errors: NotFound when a file does not exist.
func (g *GitService) Add(ctx context.Context, path string, files []string) error {
	if files == nil {
		files = []string{}
	}
	return g.api.Add(ctx, path, files)
}

// Commit commits what is staged.
//
// Options: WithAllowEmpty (default: false).
//
// Errors: InvalidArgument without message, author or e-mail address, InternalServer when nothing is staged and empty commits
// are not allowed.
func (g *GitService) Commit(ctx context.Context, path, message, author, email string, opts ...func(*options.GitCommit)) (*types.GitCommitResponse, error) {
	return g.api.Commit(ctx, path, message, author, email, api.GitCommitOptions{AllowEmpty: options.Apply(opts...).AllowEmpty})
}

// Branches returns the names of the local branches.
func (g *GitService) Branches(ctx context.Context, path string) ([]string, error) {
	found, err := g.BranchesTyped(ctx, path)
	if err != nil {
		return nil, err
	}
	return found.Branches, nil
}

// BranchesTyped returns the local branches and, when the server tells it, the current one.
func (g *GitService) BranchesTyped(ctx context.Context, path string) (*types.ListBranchResponse, error) {
	return g.api.Branches(ctx, path)
}

// CreateBranch creates a branch and checks it out.
//
// Errors: GitBranchExists when there is one of this name.
func (g *GitService) CreateBranch(ctx context.Context, path, name string) error {
	return g.api.CreateBranch(ctx, path, name)
}

// Checkout checks out a branch, or a commit by its hash.
//
// Errors: GitBranchNotFound when there is none, GitDirtyWorktree when changes would be lost.
func (g *GitService) Checkout(ctx context.Context, path, name string) error {
	return g.api.CheckoutBranch(ctx, path, name)
}

// CheckoutBranch does the same as Checkout.
func (g *GitService) CheckoutBranch(ctx context.Context, path, name string) error {
	return g.Checkout(ctx, path, name)
}

// DeleteBranch deletes a local branch.
//
// Options: WithForce: true deletes it whether its commits are elsewhere or not, false only when they are. Default: what
// the server does, which is the same as true.
//
// Errors: with WithForce, GitBranchNotFound when there is none, Conflict when it is checked out or, with false, not merged.
func (g *GitService) DeleteBranch(ctx context.Context, path, name string, opts ...func(*options.GitDeleteBranch)) error {
	return g.api.DeleteBranch(ctx, path, name, api.GitDeleteBranchOptions{Force: options.Apply(opts...).Force})
}

// Push pushes the current branch.
//
// Options: WithPushUsername and WithPushPassword, WithPushBranch, WithPushRemote (default: origin), WithSetUpstream,
// WithPushTimeout (default: 30 minutes).
//
// Errors: GitAuthFailed, GitPushRejected when the remote has other commits, GitRemoteRejected, Timeout.
func (g *GitService) Push(ctx context.Context, path string, opts ...func(*options.GitPush)) error {
	o := options.Apply(opts...)
	return g.api.Push(ctx, path, api.GitRemoteOptions{
		Username: o.Username, Password: o.Password, Branch: o.Branch, Remote: o.Remote, SetUpstream: o.SetUpstream,
		Timeout: seconds(o.Timeout),
	})
}

// Pull fetches the current branch and moves forward to it.
//
// Options: WithPullUsername and WithPullPassword, WithPullBranch, WithPullRemote (default: origin), WithPullTimeout
// (default: 30 minutes).
//
// Errors: GitAuthFailed, GitMergeConflict when the branches have gone apart, GitDirtyWorktree, Timeout.
func (g *GitService) Pull(ctx context.Context, path string, opts ...func(*options.GitPull)) error {
	o := options.Apply(opts...)
	return g.api.Pull(ctx, path, api.GitRemoteOptions{
		Username: o.Username, Password: o.Password, Branch: o.Branch, Remote: o.Remote, Timeout: seconds(o.Timeout),
	})
}

// History returns the commits of the current branch, newest first.
//
// Errors: NotFound also when there is no commit yet.
func (g *GitService) History(ctx context.Context, path string) ([]types.GitCommitInfo, error) {
	return g.api.History(ctx, path)
}
