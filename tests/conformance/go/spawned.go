package main

import (
	"context"
	"io"
	"strings"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func (c call) spawned(ctx context.Context, name string) (any, error) {
	process, opts := c.sandbox.Process, c.args.object("options")
	given := func() *daytona.SpawnedProcess { return process.SpawnedFrom(into[types.ProcessInfo](c.args, "process")) }
	wait := func(o *options.Wait) { o.Timeout = opts.duration("timeout") }
	switch name {
	case "spawn":
		return describedProcess(process.Spawn(ctx, c.args.text("command"), func(o *options.Spawn) {
			o.Cwd, o.Env = into[*string](opts, "cwd"), into[map[string]string](opts, "env")
			o.Stdin = into[bool](opts, "stdin")
		}))
	case "list_spawned":
		found, err := process.ListSpawned(ctx)
		list := []types.ProcessInfo{}
		for _, one := range found {
			list = append(list, one.Info())
		}
		return wire(list, err)
	case "get_spawned":
		return describedProcess(process.Attach(ctx, c.args.text("processId")))
	case "stream_output":
		return c.output(ctx, given(), opts)
	case "write_stdin":
		return none(given().WriteStdin(ctx, c.args["data"].([]byte)))
	case "close_stdin":
		return none(given().CloseStdin(ctx))
	case "wait_spawned":
		return wire(given().Wait(ctx, wait))
	case "signal_spawned":
		return none(given().SendSignal(ctx, c.args.text("signal")))
	case "release_spawned":
		return none(given().Release(ctx))
	case "wait_for_port":
		return none(process.WaitForPort(ctx, into[int](c.args, "port"), wait))
	case "wait_for_log":
		return wire(process.WaitForLog(ctx, c.args.text("sessionId"), c.args.text("commandId"), c.args.text("pattern"),
			func(o *options.WaitForLog) {
				o.Regex, o.Channel = into[bool](opts, "regex"), into[*types.OutputChannel](opts, "channel")
				o.Timeout = opts.duration("timeout")
			}))
	}
	return nil, unknown("process." + name)
}

func describedProcess(process *daytona.SpawnedProcess, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire(process.Info(), nil)
}

// output reads both outputs, or the one that is asked for.
func (c call) output(ctx context.Context, process *daytona.SpawnedProcess, opts arguments) (any, error) {
	follow := func(o *options.Output) { o.Follow = into[*bool](opts, "follow") }
	var one *daytona.ProcessOutput
	var err error
	switch channel := into[types.OutputChannel](opts, "channel"); channel {
	case types.OutputChannelStdout:
		one, err = process.Stdout(ctx, follow)
	case types.OutputChannelStderr:
		one, err = process.Stderr(ctx, follow)
	default:
		return c.logs(process.Output(ctx, follow))
	}
	if err != nil {
		return nil, err
	}
	defer one.Close()
	content, err := io.ReadAll(one)
	// What is not UTF-8 is compared as other languages show it.
	result := map[string]any{"stdout": "", "stderr": ""}
	result[opts.text("channel")] = strings.ToValidUTF8(string(content), "\uFFFD")
	return result, err
}
