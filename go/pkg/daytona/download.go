package daytona

import (
	"context"
	"io"
	"os"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// DownloadFile downloads a file into memory and, when localPath is given, to there as well. [FileSystemService.DownloadFileTo]
// and [FileSystemService.DownloadFileStream] never hold a file in memory.
//
// Parameters:
//   - remotePath: the file in the sandbox; relative paths start at the working directory.
//   - localPath: where to store it as well, or nil.
//
// Errors: ErrNotFound when it does not exist, ErrAuthorization when it may not be read, ErrConnection when the transfer is cut
// short, ErrTimeout after 30 minutes; ErrInvalidArgument when the local path cannot be written.
func (f *FileSystemService) DownloadFile(ctx context.Context, remotePath string, localPath *string) ([]byte, error) {
	if localPath == nil {
		return f.downloadFile(ctx, remotePath, new(options.Transfer))
	}
	if err := f.DownloadFileTo(ctx, remotePath, *localPath); err != nil {
		return nil, err
	}
	return os.ReadFile(*localPath)
}

// downloaded gives each file its content or path.
func downloaded(found []api.FileDownloadResponse, contents [][]byte, err error) ([]types.FileDownloadResponse, error) {
	if err != nil {
		return nil, err
	}
	results := make([]types.FileDownloadResponse, len(found))
	for i, file := range found {
		results[i] = types.FileDownloadResponse{Source: file.Source, Error: file.Error, ErrorDetails: file.ErrorDetails}
		switch {
		case file.Content != nil:
			results[i].Result = contents[*file.Content]
		case file.LocalPath != nil:
			results[i].Result = *file.LocalPath
		}
	}
	return results, nil
}

// DownloadProgress tells how far a download is.
type DownloadProgress struct {
	// BytesReceived so far.
	BytesReceived int64
	// TotalBytes is the size of the file, or -1 when the server did not tell.
	TotalBytes int64
}

// DownloadStreamOption is an option of DownloadFileStream.
type DownloadStreamOption func(*downloadStreamConfig)

type downloadStreamConfig struct {
	progress func(DownloadProgress)
}

// WithDownloadProgress calls fn after each piece, on the goroutine that reads.
func WithDownloadProgress(fn func(DownloadProgress)) DownloadStreamOption {
	return func(c *downloadStreamConfig) { c.progress = fn }
}

// DownloadFileStream opens a file for reading. The context is the reader's for as long as it is open; closing the reader early
// ends the transfer.
//
// Parameters:
//   - remotePath: the file in the sandbox; relative paths start at the working directory.
//
// Options: WithDownloadProgress.
//
// Errors: as for DownloadFile, of the call or of a read.
func (f *FileSystemService) DownloadFileStream(ctx context.Context, remotePath string, opts ...DownloadStreamOption) (io.ReadCloser, error) {
	stream, err := f.openDownload(ctx, remotePath, new(options.Transfer))
	if err != nil {
		return nil, err
	}
	var info struct {
		Size *int64 `json:"size"`
	}
	if err := stream.Describe(&info); err != nil {
		return nil, err
	}
	reader := &downloadReader{ctx: ctx, stream: stream, at: DownloadProgress{TotalBytes: -1}}
	if info.Size != nil {
		reader.at.TotalBytes = *info.Size
	}
	for _, opt := range opts {
		if opt != nil {
			opt(&reader.config)
		}
	}
	return reader, nil
}

// downloadReader is a file that is being downloaded.
type downloadReader struct {
	ctx    context.Context
	stream *api.Stream
	config downloadStreamConfig
	at     DownloadProgress
	unread unread
}

func (r *downloadReader) Read(p []byte) (int, error) { return r.unread.read(p, r.next) }

func (r *downloadReader) next() ([]byte, error) {
	batch, more, _, err := r.stream.Read(r.ctx)
	if err == nil && !more {
		err = io.EOF
	}
	r.at.BytesReceived += int64(len(batch))
	if len(batch) > 0 && r.config.progress != nil {
		r.config.progress(r.at)
	}
	return batch, err
}

func (r *downloadReader) Close() error {
	r.stream.Close()
	return nil
}
