package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func (c call) process(ctx context.Context, name string) (any, error) {
	process, opts := c.sandbox.Process, c.args.object("options")
	session := func() string { return c.args.text("sessionId") }
	command := func() string { return c.args.text("commandId") }
	switch name {
	case "exec":
		return c.exec(ctx, opts)
	case "code_run":
		return c.codeRun(ctx, opts)
	case "create_session":
		return none(process.CreateSession(ctx, session()))
	case "get_session":
		return wire(process.GetSession(ctx, session()))
	case "list_sessions":
		return wire(process.ListSessions(ctx))
	case "delete_session":
		return none(process.DeleteSession(ctx, session()))
	case "execute_session_command":
		return c.executeSessionCommand(ctx, opts)
	case "get_session_command":
		return wire(process.GetSessionCommand(ctx, session(), command()))
	case "get_session_command_logs":
		return wire(process.GetSessionCommandLogs(ctx, session(), command()))
	case "stream_session_command_logs":
		return c.logs(process.StreamSessionCommandLogs(ctx, session(), command()))
	case "send_session_command_input":
		return none(process.SendSessionCommandInput(ctx, session(), command(), c.args.text("data")))
	case "get_entrypoint_session":
		return wire(process.GetEntrypointSession(ctx))
	case "get_entrypoint_logs":
		return wire(process.GetEntrypointLogs(ctx))
	case "stream_entrypoint_logs":
		return c.logs(process.StreamEntrypointLogs(ctx))
	case "create_pty":
		return c.drive(process.CreatePty(ctx, session(), ptyOptions(opts)...))
	case "connect_pty":
		return c.drive(process.ConnectPty(ctx, session()))
	case "list_pty_sessions":
		found, err := process.ListPtySessions(ctx)
		list := []any{}
		for _, session := range found {
			list = append(list, ptyInfo(session))
		}
		return wire(list, err)
	case "get_pty_session_info":
		return ptyResult(process.GetPtySessionInfo(ctx, session()))
	case "resize_pty_session":
		size := types.PtySize{Rows: into[int](c.args, "rows"), Cols: into[int](c.args, "cols")}
		return ptyResult(process.ResizePtySession(ctx, session(), size))
	case "kill_pty_session":
		return none(process.KillPtySession(ctx, session()))
	}
	return c.spawned(ctx, name)
}

func (c call) exec(ctx context.Context, opts arguments) (any, error) {
	var set []func(*options.ExecuteCommand)
	if opts.has("cwd") {
		set = append(set, options.WithCwd(opts.text("cwd")))
	}
	if opts.has("env") {
		set = append(set, options.WithCommandEnv(into[map[string]string](opts, "env")))
	}
	if timeout := opts.duration("timeout"); timeout != nil {
		set = append(set, options.WithExecuteTimeout(*timeout))
	}
	return wire(c.sandbox.Process.ExecuteCommand(ctx, c.args.text("command"), set...))
}

func (c call) codeRun(ctx context.Context, opts arguments) (any, error) {
	set := []func(*options.CodeRun){
		options.WithCodeRunParams(types.CodeRunParams{
			Argv: into[[]string](opts, "argv"), Env: into[map[string]string](opts, "env"),
		}),
		options.WithCodeRunLanguage(types.CodeLanguage(c.args.text("language"))),
	}
	if timeout := opts.duration("timeout"); timeout != nil {
		set = append(set, options.WithCodeRunTimeout(*timeout))
	}
	response, err := c.sandbox.Process.CodeRun(ctx, c.args.text("code"), set...)
	if err != nil {
		return nil, err
	}
	result := map[string]any{"exitCode": response.ExitCode, "result": response.Result}
	if response.Artifacts != nil {
		result["artifacts"] = map[string]any{
			"stdout": response.Artifacts.Stdout, "charts": charts(response.Artifacts.Charts),
		}
	}
	return wire(result, nil)
}

func (c call) executeSessionCommand(ctx context.Context, opts arguments) (any, error) {
	request := c.args.object("request")
	set := []func(*options.ExecuteSessionCommand){
		options.WithRunAsync(into[bool](request, "runAsync")),
		options.WithSuppressInputEcho(into[bool](request, "suppressInputEcho")),
	}
	if timeout := opts.duration("timeout"); timeout != nil {
		set = append(set, options.WithSessionCommandTimeout(*timeout))
	}
	return wire(c.sandbox.Process.ExecuteSessionCommandTyped(ctx, c.args.text("sessionId"), request.text("command"), set...))
}

func (c call) logs(stream *daytona.LogStream, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	if c.detach {
		return nil, nil
	}
	var stdout, stderr strings.Builder
	for {
		chunk, err := stream.Next()
		switch {
		case err == io.EOF:
			// What is not UTF-8 is compared as other languages show it.
			return map[string]any{
				"stdout": strings.ToValidUTF8(stdout.String(), "\uFFFD"), "stderr": strings.ToValidUTF8(stderr.String(), "\uFFFD"),
			}, nil
		case err != nil:
			return nil, err
		case chunk.Stderr:
			stderr.Write(chunk.Data)
		default:
			stdout.Write(chunk.Data)
		}
	}
}

func ptyOptions(opts arguments) []func(*options.CreatePty) {
	var set []func(*options.CreatePty)
	if opts.has("rows") || opts.has("cols") {
		size := types.PtySize{Rows: 24, Cols: 80}
		if opts.has("rows") {
			size.Rows = into[int](opts, "rows")
		}
		if opts.has("cols") {
			size.Cols = into[int](opts, "cols")
		}
		set = append(set, options.WithCreatePtySize(size))
	}
	if opts.has("cwd") {
		set = append(set, options.WithCreatePtyCwd(opts.text("cwd")))
	}
	if opts.has("envs") {
		set = append(set, options.WithCreatePtyEnv(into[map[string]string](opts, "envs")))
	}
	return set
}

// drive writes the input to a terminal and reads it to its end.
func (c call) drive(handle *daytona.PtyHandle, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer handle.Disconnect()
	for _, input := range c.input {
		if err := handle.SendInput([]byte(input)); err != nil {
			return nil, err
		}
	}
	if c.detach {
		return nil, nil
	}
	output, err := io.ReadAll(handle)
	if err != nil {
		return nil, err
	}
	result, err := handle.Wait(context.Background())
	if err != nil {
		return nil, err
	}
	return wire(map[string]any{"output": string(output), "exitCode": result.ExitCode, "error": result.Error}, nil)
}

func ptyResult(session *types.PtySessionInfo, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire(ptyInfo(session), nil)
}

func ptyInfo(s *types.PtySessionInfo) map[string]any {
	return map[string]any{
		"id": s.ID, "cwd": s.CWD, "envs": s.Envs, "cols": s.Cols, "rows": s.Rows, "active": s.Active,
		"createdAt": s.CreatedAt.Format(time.RFC3339Nano), "processId": s.ProcessID,
	}
}

func charts(found []types.Chart) []any {
	if found == nil {
		return nil
	}
	list := make([]any, 0, len(found))
	for _, chart := range found {
		described := map[string]any{
			"type": chart.Type, "title": chart.Title, "png": chart.PNG, "x_label": chart.XLabel, "y_label": chart.YLabel,
			"x_ticks": chart.XTicks, "y_ticks": chart.YTicks, "x_tick_labels": chart.XTickLabels,
			"y_tick_labels": chart.YTickLabels, "x_scale": chart.XScale, "y_scale": chart.YScale,
			"elements": chart.Elements,
		}
		if parts, ok := chart.Elements.([]types.Chart); ok {
			described["elements"] = charts(parts)
		}
		list = append(list, described)
	}
	return list
}
