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
	caller   api.Caller
	language types.CodeLanguage
}

// CodeRun runs a program and returns its exit code, output and charts. Each run is a process of its own; see
// [CodeInterpreterService] for variables that last.
//
// Parameters:
//   - code: the program; when it is empty, that of WithCodeRunParams.
//
// Options:
//   - [options.WithCodeRunParams]: arguments and environment variables of the program.
//   - [options.WithCodeRunTimeout]: time after which the program is killed; 0 = no limit. Default: no limit.
//   - [options.WithCodeRunLanguage]: language of the program. Default: that of the parameters, else the sandbox's.
//
// Errors: ErrValidation for an unknown language, ErrTimeout (ErrProcessExecutionTimeout) after the timeout.
func (p *ProcessService) CodeRun(ctx context.Context, code string, opts ...func(*options.CodeRun)) (*types.ExecuteResponse, error) {
	o := options.Apply(opts...)
	params := orZero(o.Params)
	if code == "" {
		code = params.Code
	}
	language := types.CodeLanguagePython
	for _, named := range []types.CodeLanguage{p.language, params.Language, o.Language} {
		if named != "" {
			language = named
		}
	}
	return p.codeRun(ctx, code, string(language), api.CodeRunOptions{Argv: params.Argv, Env: params.Env, Timeout: o.Timeout})
}

// ExecuteSessionCommand runs a command in a session: waits for it, or with runAsync returns at once. The map has "id"
// and "cmdId" (the same id) and, unless runAsync, "exitCode" (int), "output", "stdout" and "stderr".
//
// Parameters:
//   - sessionID: id of the session.
//   - command: the command text.
//   - runAsync: whether to return at once; the command goes on.
//   - suppressInputEcho: whether to keep input that is sent to the command out of its log. Default: false.
//
// Errors: ErrValidation for an empty command, ErrNotFound without such a session.
func (p *ProcessService) ExecuteSessionCommand(ctx context.Context, sessionID, command string, runAsync bool, suppressInputEcho ...bool) (map[string]any, error) {
	response, err := p.ExecuteSessionCommandTyped(ctx, sessionID, command,
		options.WithRunAsync(runAsync), options.WithSuppressInputEcho(given(suppressInputEcho)))
	if err != nil {
		return nil, err
	}
	return sessionExecuteResponseMap(*response), nil
}

// ExecuteSessionCommandTyped runs a command in a session: waits for it, or with WithRunAsync returns its id at once.
//
// Parameters:
//   - sessionID: id of the session.
//   - command: the command text.
//
// Options:
//   - [options.WithRunAsync]: whether to return at once; the command goes on. Default: false.
//   - [options.WithSuppressInputEcho]: whether to keep input that is sent to the command out of its log. Default: false.
//   - [options.WithSessionCommandTimeout]: time the call may take; the command goes on. Default: no limit.
//
// Errors: ErrValidation for an empty command, ErrNotFound without such a session, ErrTimeout after the timeout.
func (p *ProcessService) ExecuteSessionCommandTyped(ctx context.Context, sessionID, command string, opts ...func(*options.ExecuteSessionCommand)) (*types.SessionExecuteResponse, error) {
	o := options.Apply(opts...)
	request := api.SessionExecuteRequest{Command: command, RunAsync: &o.RunAsync, SuppressInputEcho: &o.SuppressInputEcho}
	return p.executeSessionCommand(ctx, sessionID, request, o)
}
