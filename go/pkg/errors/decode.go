package errors

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Decode makes an error from its description by the native library.
func Decode(description []byte) error {
	var info struct {
		Kind       Kind              `json:"kind"`
		Message    string            `json:"message"`
		Status     int               `json:"status"`
		Headers    map[string]string `json:"headers"`
		Code       string            `json:"code"`
		Source     string            `json:"source"`
		RequestID  string            `json:"requestId"`
		Method     string            `json:"method"`
		URL        string            `json:"url"`
		Operation  string            `json:"operation"`
		SandboxID  string            `json:"sandboxId"`
		Retryable  bool              `json:"retryable"`
		RetryAfter float64           `json:"retryAfter"`
	}
	if err := json.Unmarshal(description, &info); err != nil {
		return New(ErrInternal, fmt.Sprintf("The native library's error cannot be read: %v", err))
	}
	headers := http.Header{}
	for name, value := range info.Headers {
		headers.Set(name, value)
	}
	return classify(&DaytonaError{
		Message:    info.Message,
		StatusCode: info.Status,
		Headers:    headers,
		Kind:       info.Kind,
		Code:       info.Code,
		Source:     info.Source,
		RequestID:  info.RequestID,
		Method:     info.Method,
		URL:        info.URL,
		Operation:  info.Operation,
		SandboxID:  info.SandboxID,
		Retryable:  info.Retryable,
		RetryAfter: time.Duration(info.RetryAfter * float64(time.Second)),
	})
}

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
