package daytona

import (
	"context"
	"io"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// LogStream is a log while it is written. Not reading it makes the sender wait.
type LogStream struct {
	ctx    context.Context
	stream *api.Stream
	frames frames
}

// opened gives a log the context it was opened with.
func opened(ctx context.Context) func(*api.Stream, error) (*LogStream, error) {
	return func(stream *api.Stream, err error) (*LogStream, error) {
		if err != nil {
			return nil, err
		}
		return &LogStream{ctx: ctx, stream: stream, frames: frames{stream: stream.Stream}}, nil
	}
}

// Next returns the next piece as soon as there is one, and io.EOF at the end. The bytes are as they were written.
//
// Errors: ErrConnection when the stream breaks, ErrClosed after Close; those of the context the stream was opened with.
func (l *LogStream) Next() (types.LogChunk, error) { return l.next(formBytes) }

func (l *LogStream) next(form string) (types.LogChunk, error) {
	for {
		next, err := l.frames.next(l.ctx, form)
		if err != nil {
			return types.LogChunk{}, err
		}
		if next.tag == frameStdout || next.tag == frameStderr {
			return types.LogChunk{Stderr: next.tag == frameStderr, Data: next.content}, nil
		}
	}
}

// All returns the pieces for range (Go 1.23; its type is an iter.Seq2). An error is the last item.
//
//	for chunk, err := range stream.All() { … }
func (l *LogStream) All() func(yield func(types.LogChunk, error) bool) {
	return func(yield func(types.LogChunk, error) bool) {
		for {
			chunk, err := l.Next()
			if err == io.EOF || !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

// Close ends the stream; what writes the log goes on. It may be called any number of times, and never fails.
func (l *LogStream) Close() error {
	l.stream.Close()
	return nil
}

// toChannels sends a log to two channels, which may be nil or one and the same, and closes them.
func toChannels(ctx context.Context, stdout, stderr chan<- string) func(*api.Stream, error) error {
	return func(stream *api.Stream, err error) error {
		defer closeChannels(stdout, stderr)
		log, err := opened(ctx)(stream, err)
		if err != nil {
			return err
		}
		return log.each(formText, func(chunk types.LogChunk) error {
			channel := stdout
			if chunk.Stderr {
				channel = stderr
			}
			return send(ctx, channel, string(chunk.Data))
		})
	}
}

// each hands the pieces to a function until the log ends or the function fails, and closes the log.
func (l *LogStream) each(form string, take func(types.LogChunk) error) error {
	defer l.Close()
	for {
		chunk, err := l.next(form)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = take(chunk)
		}
		if err != nil {
			return err
		}
	}
}

// send sends a text unless it is empty or nobody wants it.
func send(ctx context.Context, channel chan<- string, text string) error {
	if text == "" || channel == nil {
		return nil
	}
	select {
	case channel <- text:
		return nil
	case <-ctx.Done():
		return errors.FromContext(ctx, "stream.read")
	}
}

// closeChannels closes the caller's channels, which may be nil or one and the same.
func closeChannels(stdout, stderr chan<- string) {
	if stdout != nil {
		close(stdout)
	}
	if stderr != nil && stderr != stdout {
		close(stderr)
	}
}
