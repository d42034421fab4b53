package main

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

func (c call) git(ctx context.Context, name string) (any, error) {
	git, opts, path := c.sandbox.Git, c.args.object("options"), c.args.text("path")
	branch := func() string { return c.args.text("name") }
	switch name {
	case "clone":
		return none(git.Clone(ctx, c.args.text("url"), path, func(o *options.GitClone) {
			o.Branch, o.CommitId = into[*string](opts, "branch"), into[*string](opts, "commitId")
			o.Username, o.Password = into[*string](opts, "username"), into[*string](opts, "password")
			o.InsecureSkipTLS, o.Depth = into[*bool](opts, "insecureSkipTls"), into[*int](opts, "depth")
			o.Timeout = opts.duration("timeout")
		}))
	case "status":
		return wire(git.Status(ctx, path))
	case "add":
		return none(git.Add(ctx, path, into[[]string](c.args, "files")))
	case "commit":
		return wire(git.Commit(ctx, path, c.args.text("message"), c.args.text("author"), c.args.text("email"),
			func(o *options.GitCommit) { o.AllowEmpty = into[*bool](opts, "allowEmpty") }))
	case "push":
		return none(git.Push(ctx, path, func(o *options.GitPush) {
			o.Username, o.Password = into[*string](opts, "username"), into[*string](opts, "password")
			o.Branch, o.Remote = into[*string](opts, "branch"), into[*string](opts, "remote")
			o.SetUpstream, o.Timeout = into[*bool](opts, "setUpstream"), opts.duration("timeout")
		}))
	case "pull":
		return none(git.Pull(ctx, path, func(o *options.GitPull) {
			o.Username, o.Password = into[*string](opts, "username"), into[*string](opts, "password")
			o.Branch, o.Remote = into[*string](opts, "branch"), into[*string](opts, "remote")
			o.Timeout = opts.duration("timeout")
		}))
	case "branches":
		return wire(git.BranchesTyped(ctx, path))
	case "create_branch":
		return none(git.CreateBranch(ctx, path, branch()))
	case "checkout_branch":
		return none(git.Checkout(ctx, path, c.args.text("branch")))
	case "delete_branch":
		return none(git.DeleteBranch(ctx, path, branch(), func(o *options.GitDeleteBranch) { o.Force = into[*bool](opts, "force") }))
	case "history":
		return wire(git.History(ctx, path))
	}
	return nil, unknown("git." + name)
}
