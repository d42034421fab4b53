package ffi

// #include "native.h"
import "C"

import (
	"bytes"
	"context"
	"runtime"
	"runtime/cgo"
	"sync"
	"unsafe"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
)

// Client is a native client. Safe for concurrent use.
type Client struct {
	mu     sync.RWMutex
	ptr    *C.daytona_client // nil = closed
	traced bool
}

// NewClient makes a client from a configuration as JSON. No request is made.
func NewClient(config []byte) (*Client, error) {
	failed := make(chan outcome, 1)
	handle := cgo.NewHandle((chan<- outcome)(failed))
	ptr := C.daytona_go_client_new(pointer(config), C.size_t(len(config)), C.uintptr_t(handle))
	if ptr == nil {
		return nil, errors.Decode((<-failed).completion.JSON)
	}
	handle.Delete()
	client := &Client{ptr: ptr, traced: bool(C.daytona_client_traced(ptr))}
	runtime.SetFinalizer(client, (*Client).Close)
	return client, nil
}

// Call runs an operation. Attachments are the bytes the request refers to by index.
func (c *Client) Call(ctx context.Context, op string, request []byte, attachments [][]byte) (Completion, error) {
	if c == nil {
		return Completion{}, errors.New(errors.ErrInvalidArgument, "The client has not been made: use daytona.NewClient.")
	}
	name := append([]byte(op), 0)
	if len(attachments) == 0 {
		if completion, ok, err := c.short(ctx, op, name, request); ok {
			return completion, err
		}
	}
	// One attachment goes as it is; several are put together first, because C may not be handed pointers inside of
	// Go memory.
	flat := bytes.Join(attachments, nil)
	if len(attachments) == 1 {
		flat = attachments[0]
	}
	lengths := make([]C.size_t, len(attachments))
	for i, attachment := range attachments {
		lengths[i] = C.size_t(len(attachment))
	}
	return wait(ctx, op, func(user C.uintptr_t) *C.daytona_call {
		c.mu.RLock()
		defer c.mu.RUnlock()
		return C.daytona_go_start(
			c.ptr, (*C.char)(unsafe.Pointer(unsafe.SliceData(name))), pointer(request), C.size_t(len(request)),
			pointer(flat), unsafe.SliceData(lengths), C.size_t(len(lengths)), user,
		)
	})
}

// Place tells where the client connects to, as JSON with apiUrl and target; nil once it has been closed.
func (c *Client) Place() []byte {
	if c == nil {
		return nil
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.ptr == nil {
		return nil
	}
	told := make(chan outcome, 1)
	C.daytona_go_client_place(c.ptr, C.uintptr_t(cgo.NewHandle((chan<- outcome)(told))))
	return (<-told).completion.JSON
}

// Traced says whether operations are traced, and the caller's span is of use.
func (c *Client) Traced() bool { return c != nil && c.traced }

// Flush sends the telemetry that waits, until the context ends.
func (c *Client) Flush(ctx context.Context) {
	if c.Traced() {
		// What could not be sent is told by the log.
		_, _ = c.Call(ctx, "client.flush", []byte("{}"), nil)
	}
}

// Close frees the client: further calls fail, those in flight go on. May be called any number of times.
func (c *Client) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	C.daytona_client_free(c.ptr)
	c.ptr = nil
}

func pointer(data []byte) *C.uint8_t {
	return (*C.uint8_t)(unsafe.SliceData(data))
}
