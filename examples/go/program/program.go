// Package program is what the examples have in common: a sandbox for one program, and parts that print what they do.
package program

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// Part is a part of an example.
type Part struct {
	// Name for people.
	Name string
	// Run does it.
	Run func(ctx context.Context, sandbox *daytona.Sandbox) error
}

// Main runs the parts in a sandbox of their own and ends the program with 1 when one fails. The sandbox is deleted in any
// case, also after Ctrl-C.
func Main(parts ...Part) {
	MainWith(types.SnapshotParams{}, parts...)
}

// MainWith is Main in a sandbox that is made as params say.
func MainWith(params types.SnapshotParams, parts ...Part) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, params, parts)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, params types.SnapshotParams, parts []Part) (err error) {
	client, err := daytona.NewClient()
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	params.Labels = map[string]string{"purpose": "example"}
	sandbox, err := client.Create(ctx, params)
	if err != nil {
		return err
	}
	defer func() {
		// Not with a context that may have ended.
		deleted := sandbox.Delete(context.Background())
		if err == nil {
			err = deleted
		}
	}()
	for _, part := range parts {
		fmt.Println("-- " + part.Name)
		if err := part.Run(ctx, sandbox); err != nil {
			return fmt.Errorf("%s: %w", part.Name, err)
		}
	}
	return nil
}

// Shell runs a command that must succeed.
func Shell(ctx context.Context, sandbox *daytona.Sandbox, command string) error {
	result, err := sandbox.Process.ExecuteCommand(ctx, command)
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("exit code %d: %s", result.ExitCode, result.Result)
	}
	return nil
}
