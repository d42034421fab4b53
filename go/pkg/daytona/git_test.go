package daytona_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

// newRemote makes a bare repository in the sandbox with one commit, and returns its URL.
func newRemote(t *testing.T, sandbox *daytona.Sandbox) string {
	t.Helper()
	sh(t, sandbox, `set -e
git init --quiet --bare --initial-branch=main remote.git
git clone --quiet remote.git seed 2>/dev/null
cd seed && git checkout --quiet -B main && echo one >one && git add one
git -c user.name=Ann -c user.email=ann@example.com commit --quiet -m first && git push --quiet origin main`)
	return "file:///home/daytona/remote.git"
}

func TestARepositoryIsClonedChangedAndPushed(t *testing.T) {
	sandbox := newSandbox(t)
	git := sandbox.Git
	if err := git.Clone(ctx, newRemote(t, sandbox), "work", nil, options.WithBranch("main")); err != nil {
		t.Fatal(err)
	}
	sh(t, sandbox, "cd work && echo two >two && echo more >>one")
	status, err := git.Status(ctx, "work")
	if err != nil || status.CurrentBranch != "main" || !status.BranchPublished || status.Ahead != 0 {
		t.Fatalf("%+v %v", status, err)
	}
	changed := map[string]string{}
	for _, file := range status.FileStatus {
		if file.Name != file.Path {
			t.Errorf("%+v", file)
		}
		changed[file.Path] = file.Status
	}
	if want := map[string]string{"one": "Modified", "two": "Untracked"}; !reflect.DeepEqual(changed, want) {
		t.Errorf("%v", changed)
	}
	if err := git.Add(ctx, "work", []string{"."}); err != nil {
		t.Fatal(err)
	}
	status, err = git.Status(ctx, "work")
	if err != nil || len(status.FileStatus) != 2 || status.FileStatus[0].Worktree != "Unmodified" || status.FileStatus[0].Status == "Unmodified" {
		t.Errorf("%+v %v", status, err)
	}
	commit, err := git.Commit(ctx, "work", "second", "Ann", "ann@example.com")
	if err != nil || len(commit.SHA) != 40 || commit.Hash != commit.SHA {
		t.Fatalf("%+v %v", commit, err)
	}
	if status, err = git.Status(ctx, "work"); err != nil || status.Ahead != 1 || len(status.FileStatus) != 0 {
		t.Errorf("%+v %v", status, err)
	}
	if err := git.Push(ctx, "work"); err != nil {
		t.Fatal(err)
	}
	if err := git.Pull(ctx, "seed"); err != nil {
		t.Fatal(err)
	}
	commits, err := git.History(ctx, "seed")
	if err != nil || len(commits) != 2 || commits[0].Hash != commit.SHA || commits[0].Author != "Ann" {
		t.Errorf("%+v %v", commits, err)
	}
}

func TestBranchesAreMadeCheckedOutAndDeleted(t *testing.T) {
	sandbox := newSandbox(t)
	git := sandbox.Git
	newRemote(t, sandbox)
	if err := git.CreateBranch(ctx, "seed", "topic"); err != nil {
		t.Fatal(err)
	}
	first, err := git.History(ctx, "seed")
	if err != nil || len(first) != 1 {
		t.Fatalf("%+v %v", first, err)
	}
	commit, err := git.Commit(ctx, "seed", "only here", "Ann", "ann@example.com", options.WithAllowEmpty(true))
	if err != nil {
		t.Fatal(err)
	}
	names, err := git.Branches(ctx, "seed")
	if err != nil || len(names) != 2 {
		t.Errorf("%v %v", names, err)
	}
	for _, place := range []string{first[0].Hash, "main"} {
		if err := git.CheckoutBranch(ctx, "seed", place); err != nil {
			t.Errorf("%s: %v", place, err)
		}
	}
	if err := git.DeleteBranch(ctx, "seed", "topic", options.WithForce(false)); !errors.Is(err, sdkerrors.ErrConflict) {
		t.Errorf("a branch whose commits are nowhere else was deleted: %v", err)
	}
	if err := git.DeleteBranch(ctx, "seed", "topic", options.WithForce(true)); err != nil {
		t.Error(err)
	}
	if names, err := git.Branches(ctx, "seed"); err != nil || !reflect.DeepEqual(names, []string{"main"}) {
		t.Errorf("%v %v", names, err)
	}
	if err := git.Checkout(ctx, "seed", commit.SHA); err != nil {
		t.Error(err)
	}
	if status, err := git.Status(ctx, "seed"); err != nil || status.CurrentBranch != "HEAD" {
		t.Errorf("%+v %v", status, err)
	}
}

func TestErrorsOfGitHaveTheirClasses(t *testing.T) {
	sandbox := newSandbox(t)
	var missing *sdkerrors.DaytonaGitRepoNotFoundError
	if _, err := sandbox.Git.Status(ctx, "none"); !errors.As(err, &missing) {
		t.Errorf("%T %v", err, err)
	}
	url := newRemote(t, sandbox)
	if err := sandbox.Git.Clone(ctx, url, "x", options.WithBranch("none")); !errors.Is(err, sdkerrors.ErrGitBranchNotFound) {
		t.Errorf("%T %v", err, err)
	}
	if _, err := sandbox.Git.Commit(ctx, "seed", "", "Ann", "ann@example.com"); !errors.Is(err, sdkerrors.ErrInvalidArgument) {
		t.Errorf("%T %v", err, err)
	}
	if err := sandbox.Git.Add(ctx, "seed", nil); err != nil {
		t.Errorf("%T %v", err, err)
	}
}
