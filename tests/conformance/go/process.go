package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

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
	return wire(result)
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
	return c.result(c.sandbox.Process.ExecuteSessionCommandTyped(ctx, c.args.text("sessionId"), request.text("command"), set...))
}

func (c call) logs(stream *daytona.LogStream) (any, error) {
	defer stream.Close()
	if c.detach {
		return nil, nil
	}
	var stdout, stderr strings.Builder
	for {
		chunk, err := stream.Next()
		switch {
		case err == io.EOF:
			if _, err := stream.Next(); c.read == "again" && err != io.EOF {
				return nil, fmt.Errorf("after the end: %v", err)
			}
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
	if c.read == "closed" {
		handle.Disconnect()
		return nil, handle.SendInput([]byte("late"))
	}
	output, err := io.ReadAll(handle)
	if err != nil {
		return nil, err
	}
	switch c.read {
	case "again":
		if more, err := io.ReadAll(handle); len(more) > 0 || err != nil {
			return nil, fmt.Errorf("after the end: %q, %v", more, err)
		}
	case "ended":
		return nil, handle.SendInput([]byte("late"))
	}
	result, err := handle.Wait(context.Background())
	if err != nil {
		return nil, err
	}
	return wire(map[string]any{"output": string(output), "exitCode": result.ExitCode, "error": result.Error})
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

// output reads both outputs, or the one that is asked for.
// languageServer is the language server of a call.
func (c call) languageServer(info types.LspServerInfo) *daytona.LspServerService {
	return c.sandbox.CreateLspServer(info.LanguageID, info.PathToProject)
}

func (c call) output(ctx context.Context, opts arguments) (any, error) {
	process := c.sandbox.Process.SpawnedFrom(into[types.ProcessInfo](c.args, "process"))
	follow := func(o *options.Output) { o.Follow = into[*bool](opts, "follow") }
	var one *daytona.ProcessOutput
	var err error
	switch channel := into[types.OutputChannel](opts, "channel"); channel {
	case types.OutputChannelStdout:
		one, err = process.Stdout(ctx, follow)
	case types.OutputChannelStderr:
		one, err = process.Stderr(ctx, follow)
	default:
		return c.result(process.Output(ctx, follow))
	}
	if err != nil {
		return nil, err
	}
	defer one.Close()
	if c.read == "lines" {
		lines := []string{}
		one.Lines()(func(line string, failure error) bool {
			lines, err = append(lines, line), failure
			return err == nil
		})
		if err != nil {
			return nil, err
		}
		return wire(map[string]any{"lines": lines})
	}
	content, err := io.ReadAll(one)
	// What is not UTF-8 is compared as other languages show it.
	result := map[string]any{"stdout": "", "stderr": ""}
	result[opts.text("channel")] = strings.ToValidUTF8(string(content), "\uFFFD")
	return result, err
}
