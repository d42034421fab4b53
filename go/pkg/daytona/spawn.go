package daytona

import (
	"context"
	"fmt"
	"io"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// SpawnedFrom returns a process from what is known of it, for example after [SpawnedProcess.Info] was stored somewhere. No
// request is made: whether it is still there shows when it is used.
//
// Parameters:
//   - info: the process, as Info described it.
func (p *ProcessService) SpawnedFrom(info types.ProcessInfo) *SpawnedProcess {
	return &SpawnedProcess{caller: p.caller, process: p, info: info}
}

func (p *ProcessService) spawned(info *types.ProcessInfo, err error) (*SpawnedProcess, error) {
	if err != nil {
		return nil, err
	}
	return p.SpawnedFrom(*info), nil
}

func (p *ProcessService) allSpawned(found []types.ProcessInfo, err error) ([]*SpawnedProcess, error) {
	if err != nil {
		return nil, err
	}
	processes := make([]*SpawnedProcess, len(found))
	for i, info := range found {
		processes[i] = p.SpawnedFrom(info)
	}
	return processes, nil
}

// SpawnedProcess is a process started with [ProcessService.Spawn]. It may be used by many goroutines at the same time.
//
// Any number of readers may each have the whole output, from its beginning and at their own speed. Close, or Release, when
// the process is no longer needed: a process that is forgotten goes on, and can be attached to again.
type SpawnedProcess struct {
	caller  api.Caller
	process *ProcessService
	info    types.ProcessInfo
}

// ID is the id of the process, to attach to it from anywhere.
func (s *SpawnedProcess) ID() string { return s.info.ID }

// Command is the command text.
func (s *SpawnedProcess) Command() string { return s.info.Command }

// Cwd is the working directory it was given, or empty for the sandbox's.
func (s *SpawnedProcess) Cwd() string { return orZero(s.info.Cwd) }

// Info describes the process as it was when it was started, listed or attached to.
func (s *SpawnedProcess) Info() types.ProcessInfo { return s.info }

// String names the process and its command.
func (s *SpawnedProcess) String() string {
	return fmt.Sprintf("SpawnedProcess{ID: %q, Command: %q}", s.info.ID, s.info.Command)
}

// ExitCode returns the exit code, or nil while the process runs.
//
// Errors: ErrProcessNotFound when it has been released.
func (s *SpawnedProcess) ExitCode(ctx context.Context) (*int, error) {
	found, err := s.process.Attach(ctx, s.info.ID)
	if err != nil {
		return nil, err
	}
	return found.info.ExitCode, nil
}

// Stdout opens standard output for reading. The context is the reader's for as long as it is open.
//
// Options: WithFollow (default: true, until the process has ended; false: what has been written so far).
//
// Errors: ErrNotFound when the process has been released.
func (s *SpawnedProcess) Stdout(ctx context.Context, opts ...func(*options.Output)) (*ProcessOutput, error) {
	return s.channel(ctx, types.OutputChannelStdout, opts)
}

// Stderr opens standard error for reading, as Stdout does standard output.
//
// Options: WithFollow (default: true).
//
// Errors: ErrNotFound when the process has been released.
func (s *SpawnedProcess) Stderr(ctx context.Context, opts ...func(*options.Output)) (*ProcessOutput, error) {
	return s.channel(ctx, types.OutputChannelStderr, opts)
}

func (s *SpawnedProcess) channel(ctx context.Context, channel types.OutputChannel, opts []func(*options.Output)) (*ProcessOutput, error) {
	log, err := s.Output(ctx, append(opts[:len(opts):len(opts)], func(o *options.Output) { o.Channel = &channel })...)
	if err != nil {
		return nil, err
	}
	return &ProcessOutput{log: log}, nil
}

// Follow writes the outputs, from their beginning, to two writers until the process has ended, and returns its exit code. A
// nil writer discards its part; a slow one makes the sandbox wait.
//
// Parameters:
//   - stdout: takes standard output, or nil.
//   - stderr: takes standard error, or nil.
//
// Errors: what a writer failed with, ErrConnection when the stream breaks for good, ErrNotFound when the process has been released;
// those of the context, which does not end the process.
func (s *SpawnedProcess) Follow(ctx context.Context, stdout, stderr io.Writer) (exitCode int, err error) {
	return s.follow(ctx, formBytes, func(chunk types.LogChunk) error {
		writer := stdout
		if chunk.Stderr {
			writer = stderr
		}
		if writer == nil {
			return nil
		}
		n, err := writer.Write(chunk.Data)
		if err == nil && n < len(chunk.Data) {
			err = io.ErrShortWrite
		}
		return err
	})
}

// FollowText calls functions with the text of the outputs, from their beginning, until the process has ended, and returns its
// exit code. The functions are called on this goroutine; nil discards. Text is never cut within a character.
//
// Parameters:
//   - onStdout: is called with standard output, or nil.
//   - onStderr: is called with standard error, or nil.
//
// Errors: as for Follow.
func (s *SpawnedProcess) FollowText(ctx context.Context, onStdout, onStderr func(text string)) (exitCode int, err error) {
	return s.follow(ctx, formText, func(chunk types.LogChunk) error {
		call := onStdout
		if chunk.Stderr {
			call = onStderr
		}
		if call != nil {
			call(string(chunk.Data))
		}
		return nil
	})
}

func (s *SpawnedProcess) follow(ctx context.Context, form string, take func(types.LogChunk) error) (exitCode int, err error) {
	log, err := s.Output(ctx)
	if err != nil {
		return 0, err
	}
	if err := log.each(form, take); err != nil {
		return 0, err
	}
	return s.Wait(ctx)
}

// Stdin is standard input as a writer. Closing it closes the input of the process, not the process. The context is that of
// every write.
//
// Its errors are those of WriteStdin and CloseStdin.
func (s *SpawnedProcess) Stdin(ctx context.Context) io.WriteCloser {
	return processInput{ctx, s}
}

// Kill ends the process and everything it started at once; its output can still be read.
//
// Errors: ErrNotFound when it has been released.
func (s *SpawnedProcess) Kill(ctx context.Context) error {
	return s.SendSignal(ctx, "SIGKILL")
}

// Close does the same as Release, for defer: whether or not a context has ended.
func (s *SpawnedProcess) Close() error {
	return s.Release(context.Background())
}
