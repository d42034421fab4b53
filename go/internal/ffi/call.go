package ffi

// #include "native.h"
import "C"

import (
	"context"
	"runtime/cgo"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
)

// CheckContext refuses a context that has ended, and nil.
func CheckContext(ctx context.Context, operation string) error {
	if ctx == nil {
		return errors.New(errors.ErrInvalidArgument, "The context is nil: use context.Background().")
	}
	if ctx.Err() != nil {
		return errors.FromContext(ctx, operation)
	}
	return nil
}

// wait starts a call and waits for its completion. When the context ends first, the call is cancelled.
func wait(ctx context.Context, operation string, start func(user C.uintptr_t) *C.daytona_call) (Completion, error) {
	if err := CheckContext(ctx, operation); err != nil {
		return Completion{}, err
	}
	done := make(chan outcome, 1)
	return await(ctx, operation, start(C.uintptr_t(cgo.NewHandle((chan<- outcome)(done)))), done)
}

// await waits for the completion of a call that goes to a channel.
func await(ctx context.Context, operation string, call *C.daytona_call, done <-chan outcome) (Completion, error) {
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done():
		C.daytona_call_cancel(call)
		// Either the cancellation, or the completion that was faster: then the result counts.
		o = <-done
	}
	C.daytona_call_free(call)
	passLog()
	return o.result(ctx, operation)
}

func (o outcome) result(ctx context.Context, operation string) (Completion, error) {
	switch o.status {
	case C.DAYTONA_STATUS_OK, C.DAYTONA_STATUS_STREAM:
		return o.completion, nil
	case C.DAYTONA_STATUS_CANCELLED:
		return Completion{}, errors.FromContext(ctx, operation)
	default:
		return Completion{}, errors.Decode(o.completion.JSON)
	}
}
