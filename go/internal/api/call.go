// Package api has the operations of the native library as typed methods. It is generated but for this file, which
// carries requests over and results back.
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

// Target is the sandbox that toolbox operations are for.
type Target struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

// Caller runs operations.
type Caller struct {
	Client *ffi.Client
	// Target is nil for operations that are not a toolbox's.
	Target *Target
}

type arguments map[string]any

func (c Caller) call(ctx context.Context, op string, args arguments, attachments [][]byte) (ffi.Completion, error) {
	if err := checkText(args); err != nil {
		return ffi.Completion{}, err
	}
	request, err := json.Marshal(struct {
		Target *Target   `json:"target,omitempty"`
		Args   arguments `json:"args"`
	}{c.Target, args})
	if err != nil {
		return ffi.Completion{}, errors.New(errors.ErrInvalidArgument, fmt.Sprintf("The arguments of %s are not usable: %v", op, err))
	}
	return c.Client.Call(ctx, op, request, attachments)
}

func run(ctx context.Context, c Caller, op string, args arguments, attachments [][]byte) error {
	_, err := c.call(ctx, op, args, attachments)
	return err
}

func object[T any](ctx context.Context, c Caller, op string, args arguments, attachments [][]byte) (*T, error) {
	result, err := value[T](ctx, c, op, args, attachments)
	if err != nil {
		return nil, err
	}
	return &result, nil
}

func value[T any](ctx context.Context, c Caller, op string, args arguments, attachments [][]byte) (T, error) {
	result, _, err := attached[T](ctx, c, op, args, attachments)
	return result, err
}

func attached[T any](ctx context.Context, c Caller, op string, args arguments, attachments [][]byte) (T, [][]byte, error) {
	var result T
	done, err := c.call(ctx, op, args, attachments)
	if err == nil {
		err = decode(op, done.JSON, &result)
	}
	return result, done.Attachments, err
}

func content(ctx context.Context, c Caller, op string, args arguments, attachments [][]byte) ([]byte, error) {
	index, contents, err := attached[int](ctx, c, op, args, attachments)
	if err != nil {
		return nil, err
	}
	return contents[index], nil
}

func open(ctx context.Context, c Caller, op string, args arguments, attachments [][]byte) (*Stream, error) {
	done, err := c.call(ctx, op, args, attachments)
	if err != nil {
		return nil, err
	}
	return &Stream{Stream: done.Stream, Info: done.JSON}, nil
}

func decode(op string, data []byte, result any) error {
	if err := json.Unmarshal(data, result); err != nil {
		return errors.New(errors.ErrInternal, fmt.Sprintf("The result of %s cannot be read: %v", op, err))
	}
	return nil
}
