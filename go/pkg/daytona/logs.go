package daytona

import (
	"context"
	"io"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
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
		return log.copyTo(ctx, stdout, stderr)
	}
}

// copyTo sends everything to two channels and closes the stream.
func (l *LogStream) copyTo(ctx context.Context, stdout, stderr chan<- string) error {
	defer l.Close()
	for {
		chunk, err := l.next(formText)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		channel := stdout
		if chunk.Stderr {
			channel = stderr
		}
		if err := send(ctx, channel, string(chunk.Data)); err != nil {
			return err
		}
	}
}
