package ffi

// #include "native.h"
import "C"

import (
	"runtime/cgo"
	"sync/atomic"
	"unsafe"
)

// logTaker takes log records as JSON, or is nil.
var logTaker atomic.Pointer[func(records []byte)]

// SetLog has the log records of a level (error, warn, info, debug) and above taken after each call, or with off none.
func SetLog(level string, take func(records []byte)) {
	name := append([]byte(level), 0)
	C.daytona_set_log_level((*C.char)(unsafe.Pointer(unsafe.SliceData(name))))
	logTaker.Store(&take)
}

// passLog hands over what has been logged since the last time.
func passLog() {
	take := logTaker.Load()
	if take == nil || *take == nil {
		return
	}
	taken := make(chan outcome, 1)
	handle := cgo.NewHandle((chan<- outcome)(taken))
	if !C.daytona_go_take_log(C.uintptr_t(handle)) {
		handle.Delete()
		return
	}
	(*take)((<-taken).completion.JSON)
}
