// Package api runs operations of the native library: a [Call] takes the arguments, and a function named after the kind of result
// runs it.
//
//	call := caller.Op("fs.get_file_info")
//	call.Text("path", path)
//	return api.Object[types.FileInfo](ctx, call)
package api

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
)

// Stream is an open stream with what is known about it.
type Stream struct {
	*ffi.Stream
	// Info is JSON: sessionId of a terminal, size of a download.
	Info []byte
}

// Describe reads what is known about the stream; what cannot be read is an error, and closes it.
func (s *Stream) Describe(info any) error {
	if json.Unmarshal(s.Info, info) == nil {
		return nil
	}
	s.Close()
	return errors.New(errors.ErrInternal, "The description of a stream cannot be read.")
}

// Caller runs operations of one client, or of one sandbox's toolbox.
type Caller struct {
	client *ffi.Client
	// target is the beginning of a request: the sandbox, if it is for one.
	target string
}

// NewCaller makes a caller for the operations that are not a toolbox's.
func NewCaller(client *ffi.Client) Caller {
	return Caller{client: client}
}

// For returns a caller for the toolbox of a sandbox.
func (c Caller) For(id, url string) Caller {
	target := Call{request: []byte{'{'}}
	target.Open("target")
	target.Text("id", id)
	target.Text("url", url)
	target.Close()
	return Caller{client: c.client, target: string(target.request[1:]) + ","}
}

// Run runs an operation without result.
func Run(ctx context.Context, call *Call) error {
	_, err := call.run(ctx)
	return err
}

// Object runs an operation whose result is a struct.
func Object[T any](ctx context.Context, call *Call) (*T, error) {
	result := new(T)
	done, err := call.run(ctx)
	if err == nil {
		err = call.decode(done.JSON, result)
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Value runs an operation whose result is a list, a map or a plain value.
func Value[T any](ctx context.Context, call *Call) (T, error) {
	result, _, err := Attached[T](ctx, call)
	return result, err
}

// Attached runs an operation whose result refers to attachments by index.
func Attached[T any](ctx context.Context, call *Call) (T, [][]byte, error) {
	var result T
	done, err := call.run(ctx)
	if err == nil {
		err = call.decode(done.JSON, &result)
	}
	return result, done.Attachments, err
}

// Content runs an operation whose result are bytes.
func Content(ctx context.Context, call *Call) ([]byte, error) {
	index, contents, err := Attached[int](ctx, call)
	if err != nil {
		return nil, err
	}
	return contents[index], nil
}

// Open runs an operation that opens a stream.
func Open(ctx context.Context, call *Call) (*Stream, error) {
	done, err := call.run(ctx)
	if err != nil {
		return nil, err
	}
	return &Stream{Stream: done.Stream, Info: done.JSON}, nil
}

func (c *Call) run(ctx context.Context) (ffi.Completion, error) {
	if c.err != nil {
		return ffi.Completion{}, c.err
	}
	end := "}}"
	if c.client.Traced() {
		end = "}" + trace(ctx) + "}"
	}
	return c.client.Call(ctx, c.op, append(c.request, end...), c.attachments)
}

func (c *Call) decode(data []byte, result any) error {
	if err := json.Unmarshal(data, result); err != nil {
		return errors.New(errors.ErrInternal, fmt.Sprintf("The result of %s cannot be read: %v", c.op, err))
	}
	return nil
}
