package errors

import (
	"context"
	"fmt"
	"net/http"
)

// New makes an error of a kind that no response stands behind.
func New(kind Kind, message string) error {
	return classify(&DaytonaError{Message: message, Kind: kind, Headers: http.Header{}})
}

// FromContext makes the error of a call that the end of its context ended.
func FromContext(ctx context.Context, operation string) error {
	cause := ctx.Err()
	e := &DaytonaError{Kind: ErrCancelled, Message: "The call was cancelled.", Headers: http.Header{}, Operation: operation}
	if cause == context.DeadlineExceeded {
		e.Kind, e.Message = ErrTimeout, "The deadline of the context passed."
	}
	if reason := context.Cause(ctx); reason != nil && reason != cause {
		cause = fmt.Errorf("%w: %w", cause, reason)
	}
	e.cause = cause
	return classify(e)
}
