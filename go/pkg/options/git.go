package options

import "time"

// GitClone are options of GitService.Clone.
type GitClone struct {
	// Branch to check out. Default: the remote's.
	Branch *string
	// CommitId is a commit to check out, detached.
	CommitId *string
	// Username at the remote; used only together with Password.
	Username *string
	// Password or token at the remote.
	Password *string
	// InsecureSkipTLS accepts any TLS certificate.
	InsecureSkipTLS *bool
	// Depth is the number of commits to fetch. Default: all.
	Depth *int
	// Timeout of the call. Default: 30 minutes.
	Timeout *time.Duration
}

// WithBranch sets the branch to check out. Default: the remote's.
func WithBranch(branch string) func(*GitClone) {
	return func(o *GitClone) { o.Branch = &branch }
}

// WithCommitId sets a commit to check out, detached.
func WithCommitId(commitID string) func(*GitClone) {
	return func(o *GitClone) { o.CommitId = &commitID }
}

// WithUsername sets the user name at the remote; it is used only together with WithPassword.
func WithUsername(username string) func(*GitClone) {
	return func(o *GitClone) { o.Username = &username }
}

// WithPassword sets the password or token at the remote.
func WithPassword(password string) func(*GitClone) {
	return func(o *GitClone) { o.Password = &password }
}

// WithInsecureSkipTLS tells whether to accept any TLS certificate. Default: false.
func WithInsecureSkipTLS(insecureSkipTLS bool) func(*GitClone) {
	return func(o *GitClone) { o.InsecureSkipTLS = &insecureSkipTLS }
}

// WithCloneDepth sets the number of commits to fetch. Default: all.
func WithCloneDepth(depth int) func(*GitClone) {
	return func(o *GitClone) { o.Depth = &depth }
}

// WithCloneTimeout limits cloning. Default: 30 minutes.
func WithCloneTimeout(timeout time.Duration) func(*GitClone) {
	return func(o *GitClone) { o.Timeout = &timeout }
}

// GitCommit are options of GitService.Commit.
type GitCommit struct {
	// AllowEmpty tells whether a commit without changes is fine. Default: false.
	AllowEmpty *bool
}

// WithAllowEmpty tells whether a commit without changes is fine. Default: false.
func WithAllowEmpty(allowEmpty bool) func(*GitCommit) {
	return func(o *GitCommit) { o.AllowEmpty = &allowEmpty }
}

// GitDeleteBranch are options of GitService.DeleteBranch.
type GitDeleteBranch struct {
	// Force tells whether to delete a branch whose commits are nowhere else. Default: what the server does, which is to
	// delete it.
	Force *bool
}

// WithForce tells whether to delete a branch whose commits are nowhere else. Default: what the server does, which is to
// delete it.
func WithForce(force bool) func(*GitDeleteBranch) {
	return func(o *GitDeleteBranch) { o.Force = &force }
}

// GitPush are options of GitService.Push.
type GitPush struct {
	// Username at the remote; used only together with Password.
	Username *string
	// Password or token at the remote.
	Password *string
	// Branch to push. Default: the current one.
	Branch *string
	// Remote to push to. Default: origin.
	Remote *string
	// SetUpstream tells whether the branch follows the remote one from now on. Default: false.
	SetUpstream *bool
	// Timeout of the call. Default: 30 minutes.
	Timeout *time.Duration
}

// WithPushUsername sets the user name at the remote; it is used only together with WithPushPassword.
func WithPushUsername(username string) func(*GitPush) {
	return func(o *GitPush) { o.Username = &username }
}

// WithPushPassword sets the password or token at the remote.
func WithPushPassword(password string) func(*GitPush) {
	return func(o *GitPush) { o.Password = &password }
}

// WithPushBranch sets the branch to push. Default: the current one.
func WithPushBranch(branch string) func(*GitPush) {
	return func(o *GitPush) { o.Branch = &branch }
}

// WithPushRemote sets the remote to push to. Default: origin.
func WithPushRemote(remote string) func(*GitPush) {
	return func(o *GitPush) { o.Remote = &remote }
}

// WithSetUpstream tells whether the branch follows the remote one from now on. Default: false.
func WithSetUpstream(setUpstream bool) func(*GitPush) {
	return func(o *GitPush) { o.SetUpstream = &setUpstream }
}

// WithPushTimeout limits pushing. Default: 30 minutes.
func WithPushTimeout(timeout time.Duration) func(*GitPush) {
	return func(o *GitPush) { o.Timeout = &timeout }
}

// GitPull are options of GitService.Pull.
type GitPull struct {
	// Username at the remote; used only together with Password.
	Username *string
	// Password or token at the remote.
	Password *string
	// Branch to pull. Default: the current one.
	Branch *string
	// Remote to pull from. Default: origin.
	Remote *string
	// Timeout of the call. Default: 30 minutes.
	Timeout *time.Duration
}

// WithPullUsername sets the user name at the remote; it is used only together with WithPullPassword.
func WithPullUsername(username string) func(*GitPull) {
	return func(o *GitPull) { o.Username = &username }
}

// WithPullPassword sets the password or token at the remote.
func WithPullPassword(password string) func(*GitPull) {
	return func(o *GitPull) { o.Password = &password }
}

// WithPullBranch sets the branch to pull. Default: the current one.
func WithPullBranch(branch string) func(*GitPull) {
	return func(o *GitPull) { o.Branch = &branch }
}

// WithPullRemote sets the remote to pull from. Default: origin.
func WithPullRemote(remote string) func(*GitPull) {
	return func(o *GitPull) { o.Remote = &remote }
}

// WithPullTimeout limits pulling. Default: 30 minutes.
func WithPullTimeout(timeout time.Duration) func(*GitPull) {
	return func(o *GitPull) { o.Timeout = &timeout }
}
