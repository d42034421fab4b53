package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func (c call) upload(ctx context.Context, op string, opts arguments) (any, error) {
	fs := c.sandbox.FileSystem
	switch op {
	case "fs.upload_file":
		file := source(c.args.object("file"))
		return nil, fs.UploadFile(ctx, file.Source, file.Destination)
	case "fs.upload_files":
		var files []types.FileUpload
		for _, file := range c.args["files"].([]any) {
			files = append(files, source(file.(map[string]any)))
		}
		return nil, fs.UploadFiles(ctx, files, transfer(opts)...)
	case "fs.upload_dir":
		return c.transferDirectory(ctx, func(ctx context.Context) (*types.DirectoryResult, error) {
			return fs.UploadDir(ctx, c.args.text("localPath"), c.args.text("remotePath"), directory(opts)...)
		})
	}
	return c.uploadPieces(ctx, c.args.text("remotePath"))
}

func (c call) download(ctx context.Context, op string, opts arguments) (any, error) {
	fs := c.sandbox.FileSystem
	switch op {
	case "fs.download_file":
		content, err := fs.DownloadFile(ctx, c.args.text("remotePath"), nil)
		return content, err
	case "fs.download_files":
		return c.downloadFiles(ctx, transfer(opts))
	case "fs.download_dir":
		return c.transferDirectory(ctx, func(ctx context.Context) (*types.DirectoryResult, error) {
			return fs.DownloadDir(ctx, c.args.text("remotePath"), c.args.text("localPath"), directory(opts)...)
		})
	}
	return c.downloadPieces(ctx, c.args.text("remotePath"))
}

func transfer(opts arguments) []func(*options.Transfer) {
	if timeout := opts.duration("timeout"); timeout != nil {
		return []func(*options.Transfer){options.WithTransferTimeout(*timeout)}
	}
	return nil
}

func source(file arguments) types.FileUpload {
	source := file["content"]
	if file.has("localPath") {
		source = file.text("localPath")
	}
	return types.FileUpload{Source: source, Destination: file.text("destination")}
}

// givenUp fails after its first piece, as the source of an upload that is given up does.
type givenUp struct{}

func (givenUp) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (c call) uploadPieces(ctx context.Context, remotePath string) (any, error) {
	if c.detach {
		err := c.sandbox.FileSystem.UploadFileStream(ctx, givenUp{}, remotePath)
		if err == io.ErrUnexpectedEOF {
			err = nil
		}
		return nil, err
	}
	var readers []io.Reader
	for _, piece := range c.pieces {
		readers = append(readers, bytes.NewReader(piece))
	}
	return nil, c.sandbox.FileSystem.UploadFileStream(ctx, io.MultiReader(readers...), remotePath)
}

func (c call) downloadFiles(ctx context.Context, set []func(*options.Transfer)) (any, error) {
	var requests []types.FileDownloadRequest
	for _, file := range c.args["files"].([]any) {
		file := arguments(file.(map[string]any))
		requests = append(requests, types.FileDownloadRequest{
			Source: file.text("source"), Destination: into[*string](file, "destination"),
		})
	}
	found, err := c.sandbox.FileSystem.DownloadFiles(ctx, requests, set...)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, file := range found {
		list = append(list, downloaded(file))
	}
	return list, nil
}

func downloaded(file types.FileDownloadResponse) map[string]any {
	result := map[string]any{"source": file.Source}
	switch content := file.Result.(type) {
	case []byte:
		result["content"] = content
	case string:
		result["localPath"] = content
	}
	if file.Error != nil {
		result["error"] = *file.Error
	}
	if details := file.ErrorDetails; details != nil {
		described := map[string]any{"message": details.Message}
		if details.StatusCode != 0 {
			described["statusCode"] = float64(details.StatusCode)
		}
		if details.ErrorCode != "" {
			described["errorCode"] = details.ErrorCode
		}
		result["errorDetails"] = described
	}
	return result
}

func (c call) downloadPieces(ctx context.Context, remotePath string) (any, error) {
	var size any
	progress := func(at daytona.DownloadProgress) { size = float64(at.TotalBytes) }
	reader, err := c.sandbox.FileSystem.DownloadFileStream(ctx, remotePath, daytona.WithDownloadProgress(progress))
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	if c.detach {
		return nil, nil
	}
	content, err := io.ReadAll(reader)
	return map[string]any{"content": content, "size": size}, err
}

func directory(opts arguments) []func(*options.Directory) {
	set := []func(*options.Directory){options.WithExclude(into[[]string](opts, "exclude")...)}
	if timeout := opts.duration("timeout"); timeout != nil {
		set = append(set, options.WithDirectoryTimeout(*timeout))
	}
	return set
}

// transferDirectory detaches from a transfer by ending its context, whatever it is doing then.
func (c call) transferDirectory(ctx context.Context, transfer func(ctx context.Context) (*types.DirectoryResult, error)) (any, error) {
	if !c.detach {
		return c.result(transfer(ctx))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := transfer(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return nil, nil
}
