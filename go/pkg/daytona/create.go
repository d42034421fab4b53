package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

// Create creates a sandbox and waits until it has started.
//
// If the call is cancelled or times out, the new sandbox is deleted, unless WithKeep is set.
//
// Parameters:
//   - params: what to create it from, and its settings. It is nil for the default snapshot, or SnapshotParams, ImageParams or
//     SandboxBaseParams of package types, or a pointer to one of them.
//
// Options:
//   - [options.WithTimeout]: time to wait for the sandbox to start; 0 = no limit. Default: 60 seconds.
//   - [options.WithWaitForStart]: whether to wait until the sandbox has started. Default: true.
//   - [options.WithKeep]: whether to keep the sandbox when the call is cancelled or times out. Default: false.
//   - [options.WithLogChannel]: channel for the lines of the log while an image is built for the sandbox. It must be read; it
//     stays open and the caller's.
//
// Errors: ErrValidation when the server refuses the parameters, ErrInvalidArgument when a local file of the image cannot be read,
// ErrConflict when the name is taken, ErrTimeout when it does not start in time, ErrUnknown when it fails to start or its image
// cannot be built. Once the sandbox exists, the error has its id.
func (c *Client) Create(ctx context.Context, params any, opts ...func(*options.CreateSandbox)) (*Sandbox, error) {
	given := options.Apply(append([]func(*options.CreateSandbox){options.WithWaitForStart(true)}, opts...)...)
	lines := given.LogChannel
	if lines == nil {
		return c.sandbox(c.create(ctx, params, given))
	}
	stream, err := c.createWithLogs(ctx, params, given)
	pass := func(line string) error {
		select {
		case lines <- line:
			return nil
		case <-ctx.Done():
			return errors.FromContext(ctx, "sandbox.create")
		}
	}
	return c.sandbox(built[Sandbox](ctx, pass)(stream, err))
}
