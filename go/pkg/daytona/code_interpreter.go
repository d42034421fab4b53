package daytona

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// OutputChannels are the output of a run while it is written. All channels are closed when the run has ended.
//
// Channels that nobody reads hold nothing up: their output is kept, and all of it is in the result as well.
type OutputChannels struct {
	// Stdout has the pieces of standard output.
	Stdout <-chan *types.OutputMessage
	// Stderr has the pieces of standard error.
	Stderr <-chan *types.OutputMessage
	// Errors has the exception that ended the run, if one did, or what broke the run.
	Errors <-chan *types.ExecutionError
	// Done has the result. When the run broke, for example because its time was over, it has the output so far, and its Error
	// says what Err says.
	Done <-chan *types.ExecutionResult

	run *interpreterRun
}

// Err tells why a run broke, once Done is closed: ErrTimeout after the run's timeout, ErrNotFound for an unknown context,
// ErrConnection when the stream broke, those of the context; nil when there is a result.
func (c *OutputChannels) Err() error {
	<-c.run.ended
	return c.run.err
}

// Wait waits for the result.
//
// Errors: see Err.
func (c *OutputChannels) Wait() (*types.ExecutionResult, error) {
	<-c.run.ended
	if c.run.err != nil {
		return nil, c.run.err
	}
	return c.run.result(), nil
}

// inChannels starts to read a run. The context is the run's: when it ends, the run does.
func inChannels(ctx context.Context) func(*api.Stream, error) (*OutputChannels, error) {
	return func(stream *api.Stream, err error) (*OutputChannels, error) {
		if err != nil {
			return nil, err
		}
		run := &interpreterRun{ended: make(chan struct{})}
		stdout, stderr := newOutput("stdout"), newOutput("stderr")
		raised, done := make(chan *types.ExecutionError, 1), make(chan *types.ExecutionResult, 1)
		go func() {
			defer stream.Close()
			defer close(done)
			defer close(raised)
			defer stderr.end()
			defer stdout.end()
			run.err = run.read(ctx, &frames{stream: stream.Stream}, stdout, stderr, raised)
			if run.err != nil && run.raised == nil {
				run.raised = brokenRun(run.err)
				raised <- run.raised
			}
			close(run.ended)
			done <- run.result()
		}()
		return &OutputChannels{Stdout: stdout.messages, Stderr: stderr.messages, Errors: raised, Done: done, run: run}, nil
	}
}

// interpreterRun gathers a run's result.
type interpreterRun struct {
	stdout, stderr strings.Builder
	raised         *types.ExecutionError
	err            error
	ended          chan struct{}
}

// brokenRun is what broke a run, as an exception: its name is the class of the error.
func brokenRun(err error) *types.ExecutionError {
	class := strings.TrimPrefix(fmt.Sprintf("%T", err), "*errors.")
	return &types.ExecutionError{Name: class, Value: err.Error()}
}

func (r *interpreterRun) result() *types.ExecutionResult {
	return &types.ExecutionResult{Stdout: r.stdout.String(), Stderr: r.stderr.String(), Error: r.raised}
}

func (r *interpreterRun) read(ctx context.Context, frames *frames, stdout, stderr *output, raised chan<- *types.ExecutionError) error {
	for {
		next, err := frames.next(ctx, formBytes)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch next.tag {
		case frameStdout:
			r.stdout.Write(next.content)
			stdout.add(ctx, string(next.content))
		case frameStderr:
			r.stderr.Write(next.content)
			stderr.add(ctx, string(next.content))
		case frameError:
			exception := new(types.ExecutionError)
			if err := json.Unmarshal(next.content, exception); err != nil {
				return err
			}
			// A run ends with its first exception; should a server send more, the channel has room for one.
			if r.raised == nil {
				raised <- exception
			}
			r.raised = exception
		}
	}
}
