package ffi

// #include <stdlib.h>
// #include "native.h"
import "C"

import (
	"context"
	"runtime"
	"sync"
	"unsafe"
)

// BatchSize is how many bytes a read takes at most, about.
const BatchSize = 256 * 1024

// Stream is an open stream. Reads, writes and closing may happen at the same time.
type Stream struct {
	mu  sync.RWMutex
	ptr *C.daytona_stream // nil = closed
}

func newStream(ptr *C.daytona_stream) *Stream {
	stream := &Stream{ptr: ptr}
	runtime.SetFinalizer(stream, (*Stream).Close)
	return stream
}

// Read returns the next batch as soon as there is anything. At the end more is false and the JSON is the result of the
// stream, if it has one.
func (s *Stream) Read(ctx context.Context) (batch []byte, more bool, result []byte, err error) {
	return s.ReadAs(ctx, "bytes")
}

// ReadAs is Read for output in another form: "characters" is what came, but no frame ends within a character; "text" is the
// same as UTF-8, with U+FFFD for what is none; "lines" has a frame for each line, without its end.
func (s *Stream) ReadAs(ctx context.Context, form string) (batch []byte, more bool, result []byte, err error) {
	name := C.CString(form)
	defer C.free(unsafe.Pointer(name))
	done, err := wait(ctx, "stream.read", func(user C.uintptr_t) *C.daytona_call {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return C.daytona_go_stream_read(s.ptr, BatchSize, name, user)
	})
	if err != nil || len(done.Attachments) == 0 {
		return nil, false, done.JSON, err
	}
	return done.Attachments[0], true, nil, nil
}

// Write writes a piece and returns when there is room for the next one.
func (s *Stream) Write(ctx context.Context, data []byte) error {
	_, err := wait(ctx, "stream.write", func(user C.uintptr_t) *C.daytona_call {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return C.daytona_go_stream_write(s.ptr, pointer(data), C.size_t(len(data)), user)
	})
	return err
}

// Finish ends the writing side in order: an upload is stored, a terminal is disconnected.
func (s *Stream) Finish(ctx context.Context) error {
	_, err := wait(ctx, "stream.finish", func(user C.uintptr_t) *C.daytona_call {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return C.daytona_go_stream_finish(s.ptr, user)
	})
	return err
}

// Close closes the stream at once: calls in flight on it end with an error. May be called any number of times.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	C.daytona_stream_free(s.ptr)
	s.ptr = nil
}
