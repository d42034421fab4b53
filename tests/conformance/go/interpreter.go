package main

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

func (c call) runCode(ctx context.Context, opts arguments) (any, error) {
	set := []func(*options.RunCode){options.WithEnv(into[map[string]string](opts, "envs"))}
	if opts.has("contextId") {
		set = append(set, options.WithCustomContext(opts.text("contextId")))
	}
	if timeout := opts.duration("timeout"); timeout != nil {
		set = append(set, options.WithInterpreterTimeout(*timeout))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	channels, err := c.sandbox.CodeInterpreter.RunCode(ctx, c.args.text("code"), set...)
	if err != nil || c.detach {
		return nil, err
	}
	result, err := channels.Wait()
	if err != nil {
		return nil, err
	}
	described := map[string]any{"stdout": result.Stdout, "stderr": result.Stderr}
	if result.Error != nil {
		described["error"] = result.Error
	}
	return wire(described)
}
