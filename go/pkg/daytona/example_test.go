package daytona_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// exampleSandbox is the sandbox of the examples.
func exampleSandbox() (sandbox *daytona.Sandbox, done func()) {
	client, err := daytona.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	if sandbox, err = client.Create(context.Background(), nil); err != nil {
		log.Fatal(err)
	}
	return sandbox, func() {
		_ = sandbox.Delete(context.Background())
		_ = client.Close(context.Background())
	}
}

func ExampleProcessService_ExecuteCommand() {
	ctx := context.Background()
	sandbox, done := exampleSandbox()
	defer done()

	result, err := sandbox.Process.ExecuteCommand(ctx, "echo $GREETING; exit 3",
		options.WithCommandEnv(map[string]string{"GREETING": "hello"}), options.WithExecuteTimeout(10*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(result.ExitCode, " ", result.Result)
	// Output: 3 hello
}

func ExampleProcessService_Spawn() {
	ctx := context.Background()
	sandbox, done := exampleSandbox()
	defer done()

	process, err := sandbox.Process.Spawn(ctx, "tr a-z A-Z; exit 3", options.WithStdin(true))
	if err != nil {
		log.Fatal(err)
	}
	defer process.Close()
	input := process.Stdin(ctx)
	if _, err := io.WriteString(input, "hello\n"); err != nil {
		log.Fatal(err)
	}
	if err := input.Close(); err != nil {
		log.Fatal(err)
	}
	code, err := process.Follow(ctx, os.Stdout, os.Stderr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(code)
	// Output:
	// HELLO
	// 3
}

func ExampleGitService_Status() {
	ctx := context.Background()
	sandbox, done := exampleSandbox()
	defer done()

	if _, err := sandbox.Process.ExecuteCommand(ctx, "git init --quiet --initial-branch=main project"); err != nil {
		log.Fatal(err)
	}
	if _, err := sandbox.Git.Commit(ctx, "project", "Begin", "Ann", "ann@example.com", options.WithAllowEmpty(true)); err != nil {
		log.Fatal(err)
	}
	if err := sandbox.Fs.UploadFile(ctx, []byte("1\n"), "project/one"); err != nil {
		log.Fatal(err)
	}
	status, err := sandbox.Git.Status(ctx, "project")
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range status.FileStatus {
		fmt.Println(status.CurrentBranch, file.Path, file.Status)
	}
	// Output: main one Untracked
}

func ExampleProcessService_GetSessionCommandLogsStream() {
	ctx := context.Background()
	sandbox, done := exampleSandbox()
	defer done()

	if err := sandbox.Process.CreateSession(ctx, "build"); err != nil {
		log.Fatal(err)
	}
	command, err := sandbox.Process.ExecuteSessionCommandTyped(ctx, "build", "for i in 1 2 3; do echo $i; done", options.WithRunAsync(true))
	if err != nil {
		log.Fatal(err)
	}
	stdout, ended := make(chan string), make(chan error, 1)
	go func() {
		ended <- sandbox.Process.GetSessionCommandLogsStream(ctx, "build", command.CmdID, stdout, nil)
	}()
	for text := range stdout {
		fmt.Print(text)
	}
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1
	// 2
	// 3
}

func ExampleFileSystemService_DownloadFileStream() {
	ctx := context.Background()
	sandbox, done := exampleSandbox()
	defer done()

	if err := sandbox.FileSystem.UploadFile(ctx, []byte("content\n"), "notes.txt"); err != nil {
		log.Fatal(err)
	}
	reader, err := sandbox.FileSystem.DownloadFileStream(ctx, "notes.txt")
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	if _, err := io.Copy(os.Stdout, reader); err != nil {
		log.Fatal(err)
	}
	// Output: content
}

func ExampleCodeInterpreterService_RunCode() {
	ctx := context.Background()
	sandbox, done := exampleSandbox()
	defer done()

	for _, code := range []string{"x = 20", "x += 1; print(x * 2)", "1 / 0"} {
		run, err := sandbox.CodeInterpreter.RunCode(ctx, code)
		if err != nil {
			log.Fatal(err)
		}
		result, err := run.Wait()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(result.Stdout)
		if result.Error != nil {
			fmt.Println(result.Error.Name, result.Error.Value)
		}
	}
	// Output:
	// 42
	// ZeroDivisionError division by zero
}

func ExamplePtyHandle() {
	ctx := context.Background()
	sandbox, done := exampleSandbox()
	defer done()

	terminal, err := sandbox.Process.CreatePty(ctx, "shell", options.WithCreatePtySize(types.PtySize{Rows: 30, Cols: 100}))
	if err != nil {
		log.Fatal(err)
	}
	defer terminal.Disconnect()
	if err := terminal.SendInput([]byte("exit 7\n")); err != nil {
		log.Fatal(err)
	}
	result, err := terminal.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*result.ExitCode)
	// Output: 7
}

func Example_errors() {
	sandbox, done := exampleSandbox()
	defer done()

	_, err := sandbox.FileSystem.DownloadFile(context.Background(), "none", nil)
	var details *sdkerrors.DaytonaError
	if errors.Is(err, sdkerrors.ErrNotFound) && errors.As(err, &details) {
		fmt.Println(string(details.Kind), details.StatusCode, details.Retryable)
	}

	limited, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err = sandbox.Process.ExecuteCommand(limited, "sleep 60")
	fmt.Println(errors.Is(err, sdkerrors.ErrTimeout), errors.Is(err, context.DeadlineExceeded))
	// Output:
	// FileNotFound 404 false
	// true true
}
