package ffi

// #include "daytona.h"
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// Completion is the result of a call.
type Completion struct {
	// JSON is the result, or what is known about the stream. Empty when there is nothing to tell.
	JSON []byte
	// Attachments are the bytes the JSON refers to by index.
	Attachments [][]byte
	// Stream is the stream the call opened, or nil.
	Stream *Stream
}

type outcome struct {
	status     C.int
	completion Completion
}

// daytonaGoComplete is the one callback of the native library. The channel has room for the one outcome it will ever
// see, so this never blocks.
//
//export daytonaGoComplete
func daytonaGoComplete(
	user C.uintptr_t, status C.int, json *C.uint8_t, jsonLen C.size_t,
	blobs *C.daytona_slice, blobCount C.size_t, stream *C.daytona_stream,
) {
	handle := cgo.Handle(user)
	done := handle.Value().(chan<- outcome)
	handle.Delete()
	o := outcome{status: status, completion: Completion{JSON: copied(json, jsonLen)}}
	for _, blob := range unsafe.Slice(blobs, int(blobCount)) {
		o.completion.Attachments = append(o.completion.Attachments, copied(blob.ptr, blob.len))
	}
	if stream != nil {
		o.completion.Stream = newStream(stream)
	}
	done <- o
}

func copied(ptr *C.uint8_t, length C.size_t) []byte {
	return append([]byte{}, unsafe.Slice((*byte)(ptr), int(length))...)
}
