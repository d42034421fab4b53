package daytona

import (
	"context"
	"fmt"
	"io"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// UploadFile uploads a file. source is its content as []byte or io.Reader, or the path of a local file as string; readers and
// local files are streamed, never held in memory. Directories above destination are created.
//
// Parameters:
//   - source: the content as []byte or io.Reader, or the path of a local file as string.
//   - destination: the path in the sandbox; relative paths start at the working directory.
//
// Errors: ErrInvalidArgument when the local file cannot be read, ErrValidation when the server cannot store it, ErrTimeout after
// 30 minutes; what reading the source failed with.
func (f *FileSystemService) UploadFile(ctx context.Context, source any, destination string) error {
	return f.UploadFiles(ctx, []types.FileUpload{{Source: source, Destination: destination}})
}

// UploadFiles uploads several files: those from memory and local files in one request, then those from readers.
//
// Parameters:
//   - files: the files, each with its source and its path in the sandbox.
//
// Options: WithTransferTimeout, for each request (default: 30 minutes).
//
// Errors: as for UploadFile; those before the one that failed are stored.
func (f *FileSystemService) UploadFiles(ctx context.Context, files []types.FileUpload, opts ...func(*options.Transfer)) error {
	o := options.Apply(opts...)
	var batch []api.FileUpload
	var readers []types.FileUpload
	for _, file := range files {
		switch source := file.Source.(type) {
		case []byte:
			if source == nil {
				source = []byte{} // an empty file
			}
			batch = append(batch, api.FileUpload{Destination: file.Destination, Content: source})
		case string:
			batch = append(batch, api.FileUpload{Destination: file.Destination, LocalPath: Ptr(source)})
		case io.Reader:
			readers = append(readers, file)
		default:
			return errors.New(errors.ErrInvalidArgument, fmt.Sprintf(
				"The source of %s is a %T; it must be []byte, a local path or an io.Reader.", file.Destination, file.Source))
		}
	}
	if len(batch) > 0 {
		if err := f.uploadFiles(ctx, batch, o); err != nil {
			return err
		}
	}
	for _, file := range readers {
		if err := f.upload(ctx, file.Source.(io.Reader), file.Destination, o, nil); err != nil {
			return err
		}
	}
	return nil
}

// UploadProgress tells how far an upload is.
type UploadProgress struct {
	// BytesSent so far.
	BytesSent int64
}

// UploadStreamOption is an option of UploadFileStream.
type UploadStreamOption func(*uploadStreamConfig)

type uploadStreamConfig struct {
	progress func(UploadProgress)
}

// WithUploadProgress calls fn after each piece, on the goroutine of the upload.
func WithUploadProgress(fn func(UploadProgress)) UploadStreamOption {
	return func(c *uploadStreamConfig) { c.progress = fn }
}

// UploadFileStream uploads what a reader has, piece by piece. When the reader fails or the context ends, nothing is stored; a
// read that is under way when the context ends is left to itself.
//
// Parameters:
//   - source: what is read to its end.
//   - remotePath: the path in the sandbox; relative paths start at the working directory.
//
// Options: WithUploadProgress.
//
// Errors: as for UploadFile.
func (f *FileSystemService) UploadFileStream(ctx context.Context, source io.Reader, remotePath string, opts ...UploadStreamOption) error {
	var config uploadStreamConfig
	for _, opt := range opts {
		if opt != nil {
			opt(&config)
		}
	}
	return f.upload(ctx, source, remotePath, new(options.Transfer), config.progress)
}

func (f *FileSystemService) upload(ctx context.Context, source io.Reader, remotePath string, o *options.Transfer, progress func(UploadProgress)) error {
	if source == nil {
		return errors.New(errors.ErrInvalidArgument, fmt.Sprintf("The source of %s is nil; it must be an io.Reader.", remotePath))
	}
	stream, err := f.openUpload(ctx, remotePath, o)
	if err != nil {
		return err
	}
	defer stream.Close()
	wanted := make(chan []byte, 1)
	defer close(wanted)
	read := readOnDemand(source, wanted)
	buffer := make([]byte, ffi.BatchSize)
	var sent int64
	for {
		wanted <- buffer
		var got piece
		select {
		case got = <-read:
		case <-ctx.Done():
			return errors.FromContext(ctx, "fs.open_upload")
		}
		if len(got.data) > 0 {
			if err := stream.Write(ctx, got.data); err != nil {
				return err
			}
			sent += int64(len(got.data))
			if progress != nil {
				progress(UploadProgress{BytesSent: sent})
			}
		}
		if got.err == io.EOF {
			return stream.Finish(ctx)
		}
		if got.err != nil {
			return got.err
		}
	}
}

// piece is what a read gave.
type piece struct {
	data []byte
	err  error
}

// readOnDemand reads into each wanted buffer on a goroutine of its own: a source that never answers does not hold up a call
// whose context has ended, and nothing is read that is not wanted.
func readOnDemand(source io.Reader, wanted <-chan []byte) <-chan piece {
	read := make(chan piece, 1)
	go func() {
		for buffer := range wanted {
			n, err := source.Read(buffer)
			read <- piece{buffer[:n], err}
		}
	}()
	return read
}
