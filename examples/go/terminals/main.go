// Terminals: a shell as a person uses it, driven by a program. See shell for one that is driven by a person.
//
//	DAYTONA_API_URL=local go run ./terminals
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"

	"examples/program"
)

func main() {
	program.Main(
		program.Part{Name: "create", Run: create},
		program.Part{Name: "resize and kill", Run: resizeKill},
	)
}

func create(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: create
	terminal, err := sandbox.Process.CreatePty(ctx, "work", options.WithCreatePtySize(types.PtySize{Rows: 30, Cols: 100}))
	if err != nil {
		return err
	}
	defer terminal.Close()

	if _, err := io.WriteString(terminal, "stty size; exit 7\n"); err != nil {
		return err
	}
	if _, err := io.Copy(os.Stdout, terminal); err != nil {
		return err
	}
	result, err := terminal.Wait(ctx)
	if err != nil {
		return err
	}
	fmt.Println("exit code", *result.ExitCode)
	// endregion
	return nil
}

func resizeKill(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: resize-kill
	terminal, err := sandbox.Process.CreatePty(ctx, "second")
	if err != nil {
		return err
	}
	if _, err := terminal.Resize(ctx, 120, 40); err != nil {
		return err
	}
	if err := terminal.Disconnect(); err != nil { // Its session goes on.
		return err
	}

	again, err := sandbox.Process.ConnectPty(ctx, "second")
	if err != nil {
		return err
	}
	defer again.Close()
	if err := again.Kill(ctx); err != nil {
		return err
	}
	// endregion
	left, err := sandbox.Process.ListPtySessions(ctx)
	if err != nil {
		return err
	}
	for _, session := range left {
		fmt.Println(session.ID, session.Active)
	}
	return nil
}
