package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// ProcessService runs commands and code in a sandbox.
//
// Sessions are shells whose directory, variables and functions last from command to command. The methods whose name ends
// with Typed return structs; their twins return the same as maps.
type ProcessService struct {
	api      api.Process
	language types.CodeLanguage
}

// ExecuteCommand runs a shell command and returns its exit code and output. The command is killed with everything it
// started when the context ends or its timeout passes.
//
// Options: WithCwd, WithCommandEnv, WithExecuteTimeout (default: none).
//
// Errors: Validation for an empty command, Timeout (ProcessExecutionTimeout) after the timeout. An exit code other than 0
// is a result, not an error.
func (p *ProcessService) ExecuteCommand(ctx context.Context, command string, opts ...func(*options.ExecuteCommand)) (*types.ExecuteResponse, error) {
	o := options.Apply(opts...)
	return p.api.ExecuteCommand(ctx, command, api.ExecOptions{Cwd: o.Cwd, Env: o.Env, Timeout: seconds(o.Timeout)})
}

// CodeRun runs a program and returns its exit code, output and charts. Each run is a process of its own; see
// [CodeInterpreterService] for variables that last.
//
// Options: WithCodeRunParams, WithCodeRunTimeout (default: none), WithCodeRunLanguage (default: the sandbox's).
//
// Errors: Validation for an unknown language, Timeout (ProcessExecutionTimeout) after the timeout.
func (p *ProcessService) CodeRun(ctx context.Context, code string, opts ...func(*options.CodeRun)) (*types.ExecuteResponse, error) {
	o := options.Apply(opts...)
	params := orZero(o.Params)
	if code == "" {
		code = params.Code
	}
	language := p.language
	for _, named := range []types.CodeLanguage{params.Language, o.Language} {
		if named != "" {
			language = named
		}
	}
	return p.api.CodeRun(ctx, code, string(language), api.CodeRunOptions{
		Argv: params.Argv, Env: params.Env, Timeout: seconds(o.Timeout),
	})
}
