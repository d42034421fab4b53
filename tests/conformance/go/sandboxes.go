package main

import (
	"context"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

func (c call) create(ctx context.Context, opts arguments) (any, error) {
	return c.result(c.client.Create(ctx, createParams(c.args.object("params")), func(o *options.CreateSandbox) {
		given(opts, "timeout", &o.Timeout)
		given(opts, "waitForStart", &o.WaitForStart)
		given(opts, "keep", &o.Keep)
	}))
}

func (c call) setInterval(ctx context.Context, op string) (any, error) {
	sandbox, err := c.client.Get(ctx, c.args.text("idOrName"))
	if err != nil {
		return nil, err
	}
	minutes := into[*int](c.args, "interval")
	switch op {
	case "sandbox.set_auto_stop_interval":
		err = sandbox.SetAutoStopInterval(ctx, minutes)
	case "sandbox.set_auto_archive_interval":
		err = sandbox.SetAutoArchiveInterval(ctx, minutes)
	case "sandbox.set_auto_pause_interval":
		err = sandbox.SetAutoPauseInterval(ctx, minutes)
	default:
		err = sandbox.SetAutoDeleteInterval(ctx, minutes)
	}
	return nil, err
}

func (c call) fork(ctx context.Context, opts arguments) (any, error) {
	sandbox, err := c.client.Get(ctx, c.args.text("idOrName"))
	if err != nil {
		return nil, err
	}
	name := into[*string](opts, "name")
	if timeout := into[*float64](opts, "timeout"); timeout != nil {
		return c.result(sandbox.ForkWithTimeout(ctx, name, time.Duration(*timeout*float64(time.Second))))
	}
	return c.result(sandbox.Fork(ctx, name))
}

func (c call) signedPreview(ctx context.Context) (any, error) {
	sandbox, err := c.client.Get(ctx, c.args.text("idOrName"))
	if err != nil {
		return nil, err
	}
	expires := 60 // the schema's default; in Go it is an argument
	given(c.args, "expiresInSeconds", &expires)
	return c.result(sandbox.GetSignedPreviewLink(ctx, into[int](c.args, "port"), expires))
}
