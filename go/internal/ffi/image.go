package ffi

// #include "native.h"
import "C"

import (
	"runtime/cgo"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
)

// ImageStep takes one step of an image; the request and the image are JSON.
func ImageStep(request []byte) ([]byte, error) {
	taken := make(chan outcome, 1)
	C.daytona_go_image_step(pointer(request), C.size_t(len(request)), C.uintptr_t(cgo.NewHandle((chan<- outcome)(taken))))
	result := <-taken
	if result.status != C.DAYTONA_STATUS_OK {
		return nil, errors.Decode(result.completion.JSON)
	}
	return result.completion.JSON, nil
}
