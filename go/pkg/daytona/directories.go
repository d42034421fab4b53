package daytona

import (
	"context"
	"encoding/json"
	"io"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// UploadDir uploads a local directory with everything in it, as one compressed stream. A directory that exists is added to;
// one that does not appears when it is complete. Links stay links; permissions and times are kept. When the context ends,
// nothing is left of what was under way. The sandbox needs tar and gzip.
//
// Parameters:
//   - localPath: the local directory.
//   - remotePath: the directory in the sandbox; relative paths start at the working directory.
//
// Options: WithExclude, WithDirectoryProgress, WithDirectoryTimeout (default: 30 minutes).
//
// Errors: ErrInvalidArgument for a bad glob or when something local cannot be read, ErrUnprocessableEntity when the sandbox cannot
// store it, ErrTimeout.
func (f *FileSystemService) UploadDir(ctx context.Context, localPath, remotePath string, opts ...func(*options.Directory)) (*types.DirectoryResult, error) {
	o := options.Apply(opts...)
	stream, err := f.uploadDir(ctx, localPath, remotePath, o)
	return transferred(ctx, stream, err, o.Progress)
}

// DownloadDir downloads a directory with everything in it, as one compressed stream, into a local one, which is created or
// added to. Files appear when they are complete. Nothing is written outside the local directory: links that lead out of it,
// devices and the like are skipped and reported in the result. When the context ends, nothing is left of what was under
// way. The sandbox needs tar and gzip.
//
// Parameters:
//   - remotePath: the directory in the sandbox; relative paths start at the working directory.
//   - localPath: the local directory.
//
// Options: WithExclude, WithDirectoryProgress, WithDirectoryTimeout (default: 30 minutes).
//
// Errors: ErrInvalidArgument for a bad glob or a local directory that cannot be written, ErrFileNotFound when there is no such
// directory, ErrUnprocessableEntity when something in it cannot be read, ErrInvalidFilePath for an archive that tries to write
// elsewhere, ErrConnection when it is cut short, ErrTimeout.
func (f *FileSystemService) DownloadDir(ctx context.Context, remotePath, localPath string, opts ...func(*options.Directory)) (*types.DirectoryResult, error) {
	o := options.Apply(opts...)
	stream, err := f.downloadDir(ctx, remotePath, localPath, o)
	return transferred(ctx, stream, err, o.Progress)
}

// transferred waits for the end of a transfer; leaving it gives the transfer up.
func transferred(ctx context.Context, stream *api.Stream, err error, progress func(types.DirectoryProgress)) (*types.DirectoryResult, error) {
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	reports := frames{stream: stream.Stream}
	for {
		report, err := reports.next(ctx, formBytes)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if report.tag != frameProgress || progress == nil {
			continue
		}
		var at types.DirectoryProgress
		if err := json.Unmarshal(report.content, &at); err != nil {
			return nil, errors.New(errors.ErrInternal, "The transfer's progress cannot be read.")
		}
		progress(at)
	}
	result := new(types.DirectoryResult)
	if err := json.Unmarshal(reports.result, result); err != nil {
		return nil, errors.New(errors.ErrInternal, "The transfer's result cannot be read.")
	}
	return result, nil
}
