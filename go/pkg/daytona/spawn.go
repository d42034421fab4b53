package daytona

import (
	"context"
	"fmt"
	"io"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// Spawn starts a command as a process of its own and returns at once. Its outputs are apart, its input can be written, it
// can be signalled with everything it started, and [ProcessService.Attach] finds it again.
//
// It runs until it ends, is signalled or released, whether anybody reads its output or not; the sandbox keeps the output, so
// nothing is lost when a connection breaks, and nothing is held in memory here. The context is that of the call only.
//
//	process, err := sandbox.Process.Spawn(ctx, "make test")
//	…
//	defer process.Close()
//	code, err := process.Follow(ctx, os.Stdout, os.Stderr)
//
// Options: WithSpawnCwd, WithSpawnEnv, WithStdin (default: false).
//
// Errors: InvalidArgument for an empty command or a bad variable name.
func (p *ProcessService) Spawn(ctx context.Context, command string, opts ...func(*options.Spawn)) (*SpawnedProcess, error) {
	o := options.Apply(opts...)
	return p.spawned(p.api.Spawn(ctx, command, api.SpawnOptions{Cwd: o.Cwd, Env: o.Env, Stdin: &o.Stdin}))
}

// Attach returns a process started with Spawn, by whomever, from its id.
//
// Errors: ProcessNotFound when there is none: it was never started, or has been released.
func (p *ProcessService) Attach(ctx context.Context, processID string) (*SpawnedProcess, error) {
	return p.spawned(p.api.GetSpawned(ctx, processID))
}

// SpawnedFrom returns a process from what is known of it, for example after [SpawnedProcess.Info] was stored somewhere. No
// request is made: whether it is still there shows when it is used.
func (p *ProcessService) SpawnedFrom(info types.ProcessInfo) *SpawnedProcess {
	return &SpawnedProcess{api: p.api, info: info}
}

// GetSpawned does the same as Attach.
func (p *ProcessService) GetSpawned(ctx context.Context, processID string) (*SpawnedProcess, error) {
	return p.Attach(ctx, processID)
}

// ListSpawned returns the processes started with Spawn, by whomever, that have not been released.
func (p *ProcessService) ListSpawned(ctx context.Context) ([]*SpawnedProcess, error) {
	found, err := p.api.ListSpawned(ctx)
	if err != nil {
		return nil, err
	}
	processes := make([]*SpawnedProcess, len(found))
	for i := range found {
		processes[i] = &SpawnedProcess{api: p.api, info: found[i]}
	}
	return processes, nil
}

func (p *ProcessService) spawned(info *types.ProcessInfo, err error) (*SpawnedProcess, error) {
	if err != nil {
		return nil, err
	}
	return &SpawnedProcess{api: p.api, info: *info}, nil
}

// SpawnedProcess is a process started with [ProcessService.Spawn]. It may be used by many goroutines at the same time.
//
// Any number of readers may each have the whole output, from its beginning and at their own speed. Close, or Release, when
// the process is no longer needed: a process that is forgotten goes on, and can be attached to again.
type SpawnedProcess struct {
	api  api.Process
	info types.ProcessInfo
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
// Errors: ProcessNotFound when it has been released.
func (s *SpawnedProcess) ExitCode(ctx context.Context) (*int, error) {
	info, err := s.api.GetSpawned(ctx, s.info.ID)
	if err != nil {
		return nil, err
	}
	return info.ExitCode, nil
}

// Stdout opens standard output for reading. The context is the reader's for as long as it is open.
//
// Options: WithFollow (default: true, until the process has ended; false: what has been written so far).
//
// Errors: NotFound when the process has been released.
func (s *SpawnedProcess) Stdout(ctx context.Context, opts ...func(*options.Output)) (*ProcessOutput, error) {
	return s.channel(ctx, types.OutputChannelStdout, opts)
}

// Stderr opens standard error for reading, as Stdout does standard output.
//
// Options: WithFollow (default: true).
//
// Errors: NotFound when the process has been released.
func (s *SpawnedProcess) Stderr(ctx context.Context, opts ...func(*options.Output)) (*ProcessOutput, error) {
	return s.channel(ctx, types.OutputChannelStderr, opts)
}

// Output opens both outputs for reading, piece by piece in the order they were written. The context is the stream's for as
// long as it is open.
//
// Options: WithFollow (default: true).
//
// Errors: NotFound when the process has been released.
func (s *SpawnedProcess) Output(ctx context.Context, opts ...func(*options.Output)) (*LogStream, error) {
	return s.open(ctx, api.OutputOptions{Follow: options.Apply(opts...).Follow})
}

func (s *SpawnedProcess) channel(ctx context.Context, channel types.OutputChannel, opts []func(*options.Output)) (*ProcessOutput, error) {
	log, err := s.open(ctx, api.OutputOptions{Channel: &channel, Follow: options.Apply(opts...).Follow})
	if err != nil {
		return nil, err
	}
	return &ProcessOutput{log: log}, nil
}

func (s *SpawnedProcess) open(ctx context.Context, o api.OutputOptions) (*LogStream, error) {
	stream, err := s.api.StreamOutput(ctx, s.info, o)
	if err != nil {
		return nil, err
	}
	return newLogStream(ctx, stream), nil
}

// Follow writes the outputs, from their beginning, to two writers until the process has ended, and returns its exit code. A
// nil writer discards its part; a slow one makes the sandbox wait.
//
// Errors: what a writer failed with, Connection when the stream breaks for good, NotFound when the process has been released;
// those of the context, which does not end the process.
func (s *SpawnedProcess) Follow(ctx context.Context, stdout, stderr io.Writer) (exitCode int, err error) {
	log, err := s.Output(ctx)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	for {
		chunk, err := log.Next()
		if err == io.EOF {
			return s.Wait(ctx)
		}
		if err != nil {
			return 0, err
		}
		writer := stdout
		if chunk.Stderr {
			writer = stderr
		}
		if writer == nil {
			continue
		}
		n, err := writer.Write(chunk.Data)
		if err == nil && n < len(chunk.Data) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return 0, err
		}
	}
}

// FollowText calls functions with the text of the outputs, from their beginning, until the process has ended, and returns its
// exit code. The functions are called on this goroutine; nil discards. Text is never cut within a character.
//
// Errors: as for Follow.
func (s *SpawnedProcess) FollowText(ctx context.Context, onStdout, onStderr func(text string)) (exitCode int, err error) {
	stdout, stderr := textWriter{call: onStdout}, textWriter{call: onStderr}
	exitCode, err = s.Follow(ctx, &stdout, &stderr)
	if err == nil {
		stdout.finish()
		stderr.finish()
	}
	return exitCode, err
}

// Stdin is standard input as a writer. Closing it closes the input of the process, not the process. The context is that of
// every write.
//
// Its errors are those of WriteStdin and CloseStdin.
func (s *SpawnedProcess) Stdin(ctx context.Context) io.WriteCloser {
	return processInput{ctx, s}
}

// WriteStdin writes to standard input, any bytes.
//
// Errors: InvalidArgument when the process was started without WithStdin, CommandAlreadyCompleted when it has ended,
// NotFound when it has been released.
func (s *SpawnedProcess) WriteStdin(ctx context.Context, data []byte) error {
	return s.api.WriteStdin(ctx, s.info, 0, [][]byte{data})
}

// CloseStdin closes standard input: the process reads what was written, then end of file. One that has ended is fine.
//
// Errors: InvalidArgument when it was started without WithStdin, NotFound when it has been released.
func (s *SpawnedProcess) CloseStdin(ctx context.Context) error {
	return s.api.CloseStdin(ctx, s.info)
}

// Wait waits until the process has ended and returns its exit code: 128 + n when signal n ended it. After a timeout the wait
// is over and the process goes on; its output so far can be read as before.
//
// Options: WithWaitTimeout (default: none).
//
// Errors: Timeout when it has not ended in time, NotFound when it has been released.
func (s *SpawnedProcess) Wait(ctx context.Context, opts ...func(*options.Wait)) (exitCode int, err error) {
	return s.api.WaitSpawned(ctx, s.info, api.WaitOptions{Timeout: seconds(options.Apply(opts...).Timeout)})
}

// WaitForLog waits until the output has a line with pattern, looking from its beginning, and returns the line as far as it
// was written.
//
// Options: WithRegex, WithLogOutput, WithLogTimeout (default: 60 s).
//
// Errors: InvalidArgument for a bad regular expression, CommandAlreadyCompleted when the process ends without such a line,
// Timeout, NotFound when it has been released.
func (s *SpawnedProcess) WaitForLog(ctx context.Context, pattern string, opts ...func(*options.WaitForLog)) (line string, err error) {
	return s.api.WaitForLog(ctx, s.info.SessionID, s.info.CommandID, pattern, waitForLogOptions(opts))
}

// SendSignal sends a signal (SIGTERM, TERM or 15) to the process and everything it started. Nothing happens to one that has
// ended.
//
// Errors: InvalidArgument or Validation for something that is no signal, NotFound when it has been released.
func (s *SpawnedProcess) SendSignal(ctx context.Context, signal string) error {
	return s.api.SignalSpawned(ctx, s.info, signal)
}

// Kill ends the process and everything it started at once; its output can still be read.
//
// Errors: NotFound when it has been released.
func (s *SpawnedProcess) Kill(ctx context.Context) error {
	return s.SendSignal(ctx, "SIGKILL")
}

// Release ends the process with everything it started and forgets its output. One that has been released is fine.
func (s *SpawnedProcess) Release(ctx context.Context) error {
	return s.api.ReleaseSpawned(ctx, s.info)
}

// Close does the same as Release, for defer: whether or not a context has ended.
func (s *SpawnedProcess) Close() error {
	return s.Release(context.Background())
}
