package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// CreateSession creates a session.
//
// Errors: Conflict when the id is taken, Validation when it is reserved.
func (p *ProcessService) CreateSession(ctx context.Context, sessionID string) error {
	return p.api.CreateSession(ctx, sessionID)
}

// GetSession returns a session as a map: "sessionId" and "commands", a []map[string]any with "id", "command" and, when the
// command has ended, "exitCode" (int).
//
// Errors: NotFound when there is none.
func (p *ProcessService) GetSession(ctx context.Context, sessionID string) (map[string]any, error) {
	session, err := p.GetSessionTyped(ctx, sessionID)
	if err != nil {
		return nil, err
	}
	return sessionMap(session), nil
}

// GetSessionTyped returns a session with its commands.
//
// Errors: NotFound when there is none.
func (p *ProcessService) GetSessionTyped(ctx context.Context, sessionID string) (*types.Session, error) {
	return p.api.GetSession(ctx, sessionID)
}

// ListSessions returns all sessions as maps; see GetSession.
func (p *ProcessService) ListSessions(ctx context.Context) ([]map[string]any, error) {
	sessions, err := p.ListSessionsTyped(ctx)
	if err != nil {
		return nil, err
	}
	maps := make([]map[string]any, len(sessions))
	for i := range sessions {
		maps[i] = sessionMap(&sessions[i])
	}
	return maps, nil
}

// ListSessionsTyped returns all sessions with their commands.
func (p *ProcessService) ListSessionsTyped(ctx context.Context) ([]types.Session, error) {
	return p.api.ListSessions(ctx)
}

// GetEntrypointSession returns the session of the sandbox's entrypoint.
//
// Errors: NotFound when the sandbox has no entrypoint.
func (p *ProcessService) GetEntrypointSession(ctx context.Context) (*types.Session, error) {
	return p.api.GetEntrypointSession(ctx)
}

// DeleteSession ends a session and every process in it.
//
// Errors: NotFound when there is none.
func (p *ProcessService) DeleteSession(ctx context.Context, sessionID string) error {
	return p.api.DeleteSession(ctx, sessionID)
}

// ExecuteSessionCommand runs a command in a session: waits for it, or with runAsync returns at once. The map has "id"
// and "cmdId" (the same id) and, unless runAsync, "exitCode" (int), "output", "stdout" and "stderr".
//
// suppressInputEcho keeps input that is sent to the command out of its log.
//
// Errors: Validation for an empty command, NotFound without such a session.
func (p *ProcessService) ExecuteSessionCommand(ctx context.Context, sessionID, command string, runAsync bool, suppressInputEcho ...bool) (map[string]any, error) {
	response, err := p.ExecuteSessionCommandTyped(ctx, sessionID, command,
		options.WithRunAsync(runAsync), options.WithSuppressInputEcho(given(suppressInputEcho)))
	if err != nil {
		return nil, err
	}
	result := map[string]any{"id": response.CmdID, "cmdId": response.CmdID}
	setUnlessNil(result, "exitCode", response.ExitCode)
	setUnlessNil(result, "output", response.Output)
	setUnlessNil(result, "stdout", response.Stdout)
	setUnlessNil(result, "stderr", response.Stderr)
	return result, nil
}

// ExecuteSessionCommandTyped runs a command in a session: waits for it, or with WithRunAsync returns its id at once.
//
// Options: WithRunAsync (default: false), WithSuppressInputEcho (default: false), WithSessionCommandTimeout, which limits the
// call and not the command (default: none).
//
// Errors: Validation for an empty command, NotFound without such a session, Timeout after the timeout.
func (p *ProcessService) ExecuteSessionCommandTyped(ctx context.Context, sessionID, command string, opts ...func(*options.ExecuteSessionCommand)) (*types.SessionExecuteResponse, error) {
	o := options.Apply(opts...)
	request := api.SessionExecuteRequest{Command: command, RunAsync: &o.RunAsync, SuppressInputEcho: &o.SuppressInputEcho}
	return p.api.ExecuteSessionCommand(ctx, sessionID, request, api.WaitOptions{Timeout: seconds(o.Timeout)})
}

// GetSessionCommand returns a command of a session as a map: "id", "command" and, when it has ended, "exitCode" (int).
//
// Errors: NotFound when there is none.
func (p *ProcessService) GetSessionCommand(ctx context.Context, sessionID, commandID string) (map[string]any, error) {
	command, err := p.GetSessionCommandTyped(ctx, sessionID, commandID)
	if err != nil {
		return nil, err
	}
	return commandMap(*command), nil
}

// GetSessionCommandTyped returns a command of a session.
//
// Errors: NotFound when there is none.
func (p *ProcessService) GetSessionCommandTyped(ctx context.Context, sessionID, commandID string) (*types.Command, error) {
	return p.api.GetSessionCommand(ctx, sessionID, commandID)
}

// SendSessionCommandInput sends input to a running asynchronous command; a line break is added when it does not end with
// one.
//
// Errors: Gone when the command or its session has ended, NotFound when there is no such command.
func (p *ProcessService) SendSessionCommandInput(ctx context.Context, sessionID, commandID, data string) error {
	return p.api.SendSessionCommandInput(ctx, sessionID, commandID, data)
}

func sessionMap(session *types.Session) map[string]any {
	commands := make([]map[string]any, len(session.Commands))
	for i, command := range session.Commands {
		commands[i] = commandMap(command)
	}
	return map[string]any{"sessionId": session.SessionID, "commands": commands}
}

func commandMap(command types.Command) map[string]any {
	result := map[string]any{"id": command.ID, "cmdId": command.ID, "command": command.Command}
	setUnlessNil(result, "exitCode", command.ExitCode)
	return result
}

func setUnlessNil[T any](values map[string]any, name string, value *T) {
	if value != nil {
		values[name] = *value
	}
}
