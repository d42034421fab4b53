package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// call is a step's call: what a Go program would write for it.
type call struct {
	client  *daytona.Client
	sandbox *daytona.Sandbox
	args    arguments
	input   []string
	pieces  [][]byte
	detach  bool
	read    string
}

// run makes the call and returns its result in the schema's names; bytes are []byte. Operations that the package offers in a
// shape of its own are called by hand.
func (c call) run(ctx context.Context, op string) (any, error) {
	opts := c.args.object("options")
	switch op {
	case "sandbox.create":
		return c.create(ctx, opts)
	case "sandbox.create_with_logs":
		return c.createWithLogs(ctx, opts)
	case "snapshot.create", "snapshot.create_with_logs", "snapshot.get", "snapshot.activate", "snapshot.deactivate", "snapshot.delete":
		return c.snapshot(ctx, op, opts)
	case "sandbox.fork":
		return c.fork(ctx, opts)
	case "sandbox.set_auto_stop_interval", "sandbox.set_auto_archive_interval", "sandbox.set_auto_delete_interval", "sandbox.set_auto_pause_interval":
		return c.setInterval(ctx, op)
	case "sandbox.create_signed_preview_url":
		return c.signedPreview(ctx)
	case "sandbox.forward_port":
		return c.forwardPort(ctx)
	case "process.code_run":
		return c.codeRun(ctx, opts)
	case "process.execute_session_command":
		return c.executeSessionCommand(ctx, opts)
	case "process.create_pty":
		return c.drive(c.sandbox.Process.CreatePty(ctx, c.args.text("sessionId"), ptyOptions(opts)...))
	case "process.resize_pty_session":
		size := types.PtySize{Rows: into[int](c.args, "rows"), Cols: into[int](c.args, "cols")}
		return c.result(c.sandbox.Process.ResizePtySession(ctx, c.args.text("sessionId"), size))
	case "process.stream_output":
		return c.output(ctx, opts)
	case "fs.upload_file", "fs.upload_files", "fs.open_upload", "fs.upload_dir":
		return c.upload(ctx, op, opts)
	case "fs.download_file", "fs.download_files", "fs.open_download", "fs.download_dir":
		return c.download(ctx, op, opts)
	case "code_interpreter.run_code":
		return c.runCode(ctx, opts)
	case "screenshot.take_compressed":
		return c.result(c.sandbox.ComputerUse.Screenshot().TakeCompressed(ctx, pictureForm(opts)))
	case "screenshot.take_compressed_region":
		region := into[types.ScreenshotRegion](c.args, "region")
		return c.result(c.sandbox.ComputerUse.Screenshot().TakeCompressedRegion(ctx, region, pictureForm(opts)))
	}
	return c.generated(ctx, op)
}

// pictureForm is the form of a picture; nil where nothing is said of it.
func pictureForm(opts arguments) *types.ScreenshotOptions {
	if len(opts) == 0 {
		return nil
	}
	return &types.ScreenshotOptions{
		ShowCursor: into[*bool](opts, "showCursor"), Format: into[*string](opts, "format"),
		Quality: into[*int](opts, "quality"), Scale: into[*float64](opts, "scale"),
	}
}

func unknown(op string) error {
	return fmt.Errorf("this runner does not know the operation %s", op)
}

// result is what a method returned in the schema's names: a value, and an error.
func (c call) result(value any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	switch value := value.(type) {
	case *daytona.LogStream:
		return c.logs(value)
	case *daytona.PtyHandle:
		return c.drive(value, nil)
	case *types.FileInfo:
		// Two times of the wire are one in Go.
		info, err := wire(value)
		if info, ok := info.(map[string]any); ok {
			info["modTime"] = info["modifiedAt"]
		}
		return info, err
	case *daytona.SpawnedProcess:
		return wire(value.Info())
	case []*daytona.SpawnedProcess:
		infos := []types.ProcessInfo{}
		for _, process := range value {
			infos = append(infos, process.Info())
		}
		return wire(infos)
	}
	return wire(value)
}

// wire turns a result whose JSON has the schema's names into maps and lists.
func wire(result any) (any, error) {
	text, err := json.Marshal(result)
	if err != nil {
		return nil, err
	}
	var value any
	return value, json.Unmarshal(text, &value)
}
