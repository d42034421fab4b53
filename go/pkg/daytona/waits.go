package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

// WaitForPort waits until something in the sandbox listens on a TCP port.
//
// Options: WithWaitTimeout (default: 60 s).
//
// Errors: InvalidArgument for a number that is no port, Timeout when nothing listens in time.
func (p *ProcessService) WaitForPort(ctx context.Context, port int, opts ...func(*options.Wait)) error {
	return p.api.WaitForPort(ctx, port, api.WaitOptions{Timeout: seconds(options.Apply(opts...).Timeout)})
}

// WaitForLog waits until the log of a session's command has a line with pattern, looking from its beginning, and returns the
// line as far as it was written. [SpawnedProcess.WaitForLog] does the same for a process.
//
// Options: WithRegex, WithLogOutput, WithLogTimeout (default: 60 s).
//
// Errors: InvalidArgument for a bad regular expression, NotFound when there is no such command, CommandAlreadyCompleted when it
// ends without such a line, Timeout.
func (p *ProcessService) WaitForLog(ctx context.Context, sessionID, commandID, pattern string, opts ...func(*options.WaitForLog)) (line string, err error) {
	return p.api.WaitForLog(ctx, sessionID, commandID, pattern, waitForLogOptions(opts))
}

func waitForLogOptions(opts []func(*options.WaitForLog)) api.WaitForLogOptions {
	o := options.Apply(opts...)
	return api.WaitForLogOptions{Regex: &o.Regex, Channel: o.Channel, Timeout: seconds(o.Timeout)}
}
