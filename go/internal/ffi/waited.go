package ffi

// #include "waited.h"
import "C"

import (
	"context"
	"runtime"
	"runtime/cgo"
	"sync/atomic"
	"time"
	"unsafe"
)

// patience is how long a goroutine keeps its thread while it waits for a call: enough for a server nearby.
const patience = 2 * time.Millisecond

// waiting tells that a goroutine keeps its thread. Only one at a time does, and only where others can run meanwhile.
var waiting atomic.Bool

// short runs an operation and keeps the thread while it waits, until patience ends; ok is false when that is not possible. A context
// that ends in the meantime is noticed then.
func (c *Client) short(ctx context.Context, op string, name []byte, request []byte) (completion Completion, ok bool, err error) {
	if runtime.GOMAXPROCS(0) < 2 || !waiting.CompareAndSwap(false, true) {
		return Completion{}, false, nil
	}
	if err := CheckContext(ctx, op); err != nil {
		waiting.Store(false)
		return Completion{}, true, err
	}
	done := make(chan outcome, 1)
	handle := cgo.NewHandle((chan<- outcome)(done))
	var waited *C.daytona_go_waited
	c.mu.RLock()
	call := C.daytona_go_start_and_wait(
		c.ptr, (*C.char)(unsafe.Pointer(unsafe.SliceData(name))), pointer(request), C.size_t(len(request)),
		C.uintptr_t(handle), C.long(patience), &waited,
	)
	c.mu.RUnlock()
	waiting.Store(false)
	if call != nil {
		completion, err = await(ctx, op, call, done)
		return completion, true, err
	}
	handle.Delete()
	o := outcome{status: waited.status, completion: Completion{JSON: copied(waited.json, waited.len)}}
	if waited.stream != nil {
		o.completion.Stream = newStream(waited.stream)
	}
	C.daytona_go_waited_free(waited)
	passLog()
	completion, err = o.result(ctx, op)
	return completion, true, err
}
