// Git: a repository cloned, changed, branched, pushed and pulled inside of a sandbox.
//
//	DAYTONA_API_URL=local go run ./git
package main

import (
	"context"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"

	"examples/program"
)

// prepare makes a remote repository with one commit.
const prepare = `set -e
git init --quiet --bare --initial-branch=main remote.git
git clone --quiet remote.git seed 2>/dev/null
cd seed
git checkout --quiet -B main
echo "# Demo" >README.md
git add README.md
git -c user.name=Ann -c user.email=ann@example.com commit --quiet --message "First commit"
git push --quiet origin main`

func main() {
	program.Main(
		program.Part{Name: "a remote repository", Run: func(ctx context.Context, sandbox *daytona.Sandbox) error {
			return program.Shell(ctx, sandbox, prepare)
		}},
		program.Part{Name: "clone", Run: clone},
		program.Part{Name: "status and commit", Run: statusCommit},
		program.Part{Name: "branches", Run: branches},
		program.Part{Name: "push and pull", Run: pushPull},
		program.Part{Name: "history", Run: history},
	)
}

func clone(ctx context.Context, sandbox *daytona.Sandbox) error {
	home, err := sandbox.GetUserHomeDir(ctx)
	if err != nil {
		return err
	}
	url := "file://" + home + "/remote.git"
	// region: clone
	// For a private repository: options.WithUsername and options.WithPassword.
	if err := sandbox.Git.Clone(ctx, url, "project", options.WithBranch("main")); err != nil {
		return err
	}
	// endregion
	return nil
}

func statusCommit(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: status-commit
	if err := sandbox.Fs.UploadFile(ctx, []byte("print('hello')\n"), "project/main.py"); err != nil {
		return err
	}
	status, err := sandbox.Git.Status(ctx, "project")
	if err != nil {
		return err
	}
	for _, file := range status.FileStatus {
		fmt.Println(status.CurrentBranch, file.Path, file.Status)
	}

	if err := sandbox.Git.Add(ctx, "project", []string{"main.py"}); err != nil {
		return err
	}
	commit, err := sandbox.Git.Commit(ctx, "project", "Say hello", "Ann", "ann@example.com")
	if err != nil {
		return err
	}
	fmt.Println("committed", commit.SHA[:8])
	// endregion
	return nil
}

func branches(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: branches
	if err := sandbox.Git.CreateBranch(ctx, "project", "experiment"); err != nil {
		return err
	}
	names, err := sandbox.Git.Branches(ctx, "project")
	if err != nil {
		return err
	}
	fmt.Println(names)

	if err := sandbox.Git.Checkout(ctx, "project", "main"); err != nil {
		return err
	}
	if err := sandbox.Git.DeleteBranch(ctx, "project", "experiment", options.WithForce(true)); err != nil {
		return err
	}
	// endregion
	return nil
}

func pushPull(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: push-pull
	if err := sandbox.Git.Push(ctx, "project"); err != nil {
		return err
	}
	if err := sandbox.Git.Pull(ctx, "project"); err != nil {
		return err
	}
	status, err := sandbox.Git.Status(ctx, "project")
	if err != nil {
		return err
	}
	fmt.Println("ahead", status.Ahead, "behind", status.Behind)
	// endregion
	return nil
}

func history(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: history
	commits, err := sandbox.Git.History(ctx, "project")
	if err != nil {
		return err
	}
	for _, commit := range commits {
		fmt.Printf("%s %s: %s\n", commit.Hash[:8], commit.Author, commit.Message)
	}
	// endregion
	return nil
}
