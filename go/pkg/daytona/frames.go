package daytona

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"
)

// Tags of frames; see daytona_stream_read in daytona.h.
const (
	frameStdout   = 1
	frameStderr   = 2
	frameError    = 3
	frameProgress = 4
	frameLine     = 5
)

const frameHeader = 5 // tag, length

type frame struct {
	tag     byte
	content []byte
}

// frames reads a stream of frames. Batches hold whole frames.
type frames struct {
	stream *ffi.Stream
	batch  []byte
	result []byte // JSON of what the stream ended with, if it has a result
}

// The forms that output is read in; see [ffi.Stream.ReadAs].
const (
	formBytes      = "bytes"
	formCharacters = "characters"
	formText       = "text"
)

// next returns the next frame, or io.EOF at the end. What has been read of a batch keeps its form.
func (f *frames) next(ctx context.Context, form string) (frame, error) {
	for len(f.batch) == 0 {
		batch, more, result, err := f.stream.ReadAs(ctx, form)
		if err != nil {
			return frame{}, err
		}
		if !more {
			f.result = result
			return frame{}, io.EOF
		}
		f.batch = batch
	}
	end := frameHeader + int(binary.LittleEndian.Uint32(f.batch[1:frameHeader]))
	result := frame{tag: f.batch[0], content: f.batch[frameHeader:end:end]}
	f.batch = f.batch[end:]
	return result, nil
}
