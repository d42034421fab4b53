// Processes: commands and programs with a result, processes that live, sessions.
//
//	DAYTONA_API_URL=local go run ./processes
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"

	"examples/program"
)

func main() {
	program.Main(
		program.Part{Name: "exec", Run: exec},
		program.Part{Name: "code run", Run: codeRun},
		program.Part{Name: "spawn", Run: spawn},
		program.Part{Name: "stdin", Run: stdin},
		program.Part{Name: "signals", Run: signals},
		program.Part{Name: "reattach", Run: reattach},
		program.Part{Name: "waits", Run: waits},
		program.Part{Name: "sessions", Run: sessions},
	)
}

func exec(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: exec
	result, err := sandbox.Process.ExecuteCommand(ctx, `echo "$GREETING from $PWD"`,
		options.WithCwd("/tmp"),
		options.WithCommandEnv(map[string]string{"GREETING": "hello"}),
		options.WithExecuteTimeout(10*time.Second))
	if err != nil {
		return err
	}
	fmt.Print(result.ExitCode, " ", result.Result)
	// endregion
	return nil
}

func codeRun(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: code-run
	result, err := sandbox.Process.CodeRun(ctx, "import sys\nprint(sum(map(int, sys.argv[1:])))",
		options.WithCodeRunParams(types.CodeRunParams{Argv: []string{"1", "2", "3"}}))
	if err != nil {
		return err
	}
	fmt.Print(result.ExitCode, " ", result.Result)
	// endregion
	return nil
}

func spawn(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: spawn
	process, err := sandbox.Process.Spawn(ctx, "echo building; echo careful >&2; echo done")
	if err != nil {
		return err
	}
	defer process.Close() // Ends it with everything it started.

	code, err := process.Follow(ctx, os.Stdout, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println("exit code", code)

	// Each reader has the whole output: as bytes, as text, or line by line.
	stdout, err := process.Stdout(ctx)
	if err != nil {
		return err
	}
	defer stdout.Close()
	for line, err := range stdout.Lines() {
		if err != nil {
			return err
		}
		fmt.Println("line:", line)
	}
	// endregion
	return nil
}

func stdin(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: stdin
	process, err := sandbox.Process.Spawn(ctx, "sort", options.WithStdin(true))
	if err != nil {
		return err
	}
	defer process.Close()

	input := process.Stdin(ctx)
	if _, err := io.WriteString(input, "pear\napple\n"); err != nil {
		return err
	}
	if err := input.Close(); err != nil {
		return err
	}
	stdout, err := process.Stdout(ctx)
	if err != nil {
		return err
	}
	defer stdout.Close()
	sorted, err := io.ReadAll(stdout)
	if err != nil {
		return err
	}
	fmt.Print(string(sorted))
	// endregion
	return nil
}

func signals(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: signals
	process, err := sandbox.Process.Spawn(ctx, "trap 'echo cleaning up; exit 5' TERM; echo ready; while :; do sleep 0.1; done")
	if err != nil {
		return err
	}
	defer process.Close()
	if _, err := process.WaitForLog(ctx, "ready"); err != nil {
		return err
	}

	if err := process.SendSignal(ctx, "SIGTERM"); err != nil {
		return err
	}
	code, err := process.Wait(ctx, options.WithWaitTimeout(5*time.Second))
	if errors.Is(err, sdkerrors.ErrTimeout) {
		err = process.Kill(ctx) // SIGKILL, to the whole tree.
	}
	if err != nil {
		return err
	}
	fmt.Println("exit code", code)
	// endregion
	return nil
}

func reattach(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: reattach
	process, err := sandbox.Process.Spawn(ctx, "echo first; sleep 1000")
	if err != nil {
		return err
	}
	id := process.ID() // All that it takes, from any program.

	found, err := sandbox.Process.Attach(ctx, id)
	if err != nil {
		return err
	}
	defer found.Close()
	if _, err := found.WaitForLog(ctx, "first"); err != nil {
		return err
	}
	soFar, err := found.Stdout(ctx, options.WithFollow(false))
	if err != nil {
		return err
	}
	defer soFar.Close()
	text, err := io.ReadAll(soFar)
	if err != nil {
		return err
	}
	fmt.Printf("%s wrote %q so far\n", found.Command(), text)
	// endregion
	return nil
}

func waits(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: waits
	server, err := sandbox.Process.Spawn(ctx, "python3 -um http.server --bind 127.0.0.1 8000")
	if err != nil {
		return err
	}
	defer server.Close()
	if err := sandbox.Process.WaitForPort(ctx, 8000, options.WithWaitTimeout(10*time.Second)); err != nil {
		return err
	}
	line, err := server.WaitForLog(ctx, `port \d+`, options.WithRegex(true))
	if err != nil {
		return err
	}
	fmt.Println(line)
	// endregion
	return nil
}

func sessions(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: sessions
	if err := sandbox.Process.CreateSession(ctx, "build"); err != nil {
		return err
	}
	if _, err := sandbox.Process.ExecuteSessionCommand(ctx, "build", "cd /tmp && NAME=world", false); err != nil {
		return err
	}
	result, err := sandbox.Process.ExecuteSessionCommandTyped(ctx, "build", `echo "hello $NAME from $PWD"`)
	if err != nil {
		return err
	}
	fmt.Println(strings.TrimSpace(*result.Stdout))
	if err := sandbox.Process.DeleteSession(ctx, "build"); err != nil {
		return err
	}
	// endregion
	return nil
}
