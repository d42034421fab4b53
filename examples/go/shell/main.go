// Shell hands your terminal to a sandbox: what you type goes there, full-screen programs work, and the exit code is that of
// the shell in the sandbox.
//
//	DAYTONA_API_URL=local go run ./shell [sandbox]
//
// Without the id or name of a sandbox it makes one, and deletes it afterwards.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

const (
	exitFailure = 1
	exitUsage   = 2
	// exitSignal and the signal's number are the exit code of a program that a signal ends.
	exitSignal = 128
)

func main() {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(os.Stderr, "shell: standard input is not a terminal")
		os.Exit(exitUsage)
	}
	ctx, caught := untilSignal()
	code, err := run(ctx, os.Args[1:])
	select {
	case sig := <-caught:
		os.Exit(exitSignal + int(sig))
	default:
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "shell:", err)
	}
	os.Exit(code)
}

// untilSignal is a context that ends with the first signal that would end the program, and that signal.
func untilSignal() (context.Context, <-chan syscall.Signal) {
	ctx, cancel := context.WithCancel(context.Background())
	signals, caught := make(chan os.Signal, 1), make(chan syscall.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		caught <- (<-signals).(syscall.Signal)
		cancel()
	}()
	return ctx, caught
}

func run(ctx context.Context, arguments []string) (code int, err error) {
	client, err := daytona.NewClient()
	if err != nil {
		return exitFailure, err
	}
	defer client.Close(ctx)
	var sandbox *daytona.Sandbox
	if len(arguments) > 0 {
		sandbox, err = client.Get(ctx, arguments[0])
	} else {
		sandbox, err = client.Create(ctx, nil)
	}
	if err != nil {
		return exitFailure, err
	}
	if len(arguments) == 0 {
		// Not with a context that may have ended.
		defer sandbox.Delete(context.Background())
	}
	return shell(ctx, sandbox)
}

// shell connects the terminal of this program with one in the sandbox until one of them ends.
func shell(ctx context.Context, sandbox *daytona.Sandbox) (code int, err error) {
	mine := int(os.Stdin.Fd())
	cols, rows, err := term.GetSize(mine)
	if err != nil {
		return exitFailure, err
	}
	session := fmt.Sprintf("shell-%d", os.Getpid())
	terminal, err := sandbox.Process.CreatePty(ctx, session,
		options.WithCreatePtySize(types.PtySize{Rows: max(rows, 1), Cols: max(cols, 1)}),
		options.WithCreatePtyEnv(map[string]string{"TERM": os.Getenv("TERM")}))
	if err != nil {
		return exitFailure, err
	}
	// When this program ends before the shell there does; not with a context that may have ended.
	defer sandbox.Process.KillPtySession(context.Background(), session)
	defer context.AfterFunc(ctx, func() { terminal.Close() })()

	before, err := term.MakeRaw(mine)
	if err != nil {
		return exitFailure, err
	}
	// Also after a signal: the functions above return then.
	defer term.Restore(mine, before)
	defer followSize(ctx, mine, terminal)()

	go io.Copy(terminal, os.Stdin)
	if _, err := io.Copy(os.Stdout, terminal); err != nil {
		return exitFailure, err
	}
	result, err := terminal.Wait(ctx)
	if err != nil {
		return exitFailure, err
	}
	if result.ExitCode == nil {
		return exitFailure, fmt.Errorf("the shell ended without an exit code")
	}
	return *result.ExitCode, nil
}

// followSize gives the terminal in the sandbox the size of this one whenever that changes.
func followSize(ctx context.Context, mine int, terminal *daytona.PtyHandle) (stop func()) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	go func() {
		for range changed {
			// A terminal that has just ended has no size; nobody misses it.
			if cols, rows, err := term.GetSize(mine); err == nil {
				_, _ = terminal.Resize(ctx, cols, rows)
			}
		}
	}()
	return func() {
		signal.Stop(changed)
		close(changed)
	}
}
