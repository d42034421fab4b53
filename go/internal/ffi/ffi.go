// Package ffi is the boundary to the native library, and the only package that uses cgo. The contract of the
// other side is at the top of daytona.h.
//
// A goroutine that waits for a call waits on a channel: it holds no thread, however many there are; see waited.go for the one
// that may, for a moment. The library calls back on its own few threads. Memory crosses by copy, so neither side ever holds the other's.
//
// Handles are freed by Close, or by a finalizer when the program forgot; both may be called at any time, also while
// calls are in flight.
package ffi

// #cgo CFLAGS: -I${SRCDIR}
// #include "native.h"
import "C"

// Stats tells what is alive in the native library. All numbers return to zero when a program has let go of everything.
type Stats struct {
	// Calls in flight.
	Calls int
	// Open streams.
	Streams int
	// Clients.
	Clients int
}

// DebugStats returns what is alive now.
func DebugStats() Stats {
	stats := C.daytona_debug_stats()
	return Stats{Calls: int(stats.calls), Streams: int(stats.streams), Clients: int(stats.clients)}
}

// SchemaHash identifies the schema the native library was built from.
func SchemaHash() string {
	return C.GoString(C.daytona_schema_hash())
}
