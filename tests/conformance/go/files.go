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

func (c call) files(ctx context.Context, name string) (any, error) {
	fs, opts := c.sandbox.FileSystem, c.args.object("options")
	path := func() string { return c.args.text("path") }
	remote := func() string { return c.args.text("remotePath") }
	switch name {
	case "list_files":
		var set []func(*options.ListFiles)
		if opts.has("depth") {
			set = append(set, options.WithDepth(into[int](opts, "depth")))
		}
		found, err := fs.ListFiles(ctx, path(), set...)
		list := []any{}
		for _, file := range found {
			list = append(list, fileInfo(file))
		}
		return wire(list, err)
	case "get_file_info":
		info, err := fs.GetFileInfo(ctx, path())
		if err != nil {
			return nil, err
		}
		return wire(fileInfo(info), nil)
	case "create_folder":
		var set []func(*options.CreateFolder)
		if c.args.has("mode") {
			set = append(set, options.WithMode(c.args.text("mode")))
		}
		return none(fs.CreateFolder(ctx, path(), set...))
	case "delete_file":
		return none(fs.DeleteFile(ctx, path(), into[bool](opts, "recursive")))
	case "move_files":
		return none(fs.MoveFiles(ctx, c.args.text("source"), c.args.text("destination")))
	case "find_files":
		return wire(fs.FindFiles(ctx, path(), c.args.text("pattern")))
	case "search_files":
		return wire(fs.SearchFiles(ctx, path(), c.args.text("pattern")))
	case "replace_in_files":
		return wire(fs.ReplaceInFiles(ctx, into[[]string](c.args, "files"), c.args.text("pattern"), c.args.text("newValue")))
	case "set_file_permissions":
		return none(fs.SetFilePermissions(ctx, path(), permissions(opts)...))
	case "get_user_home_dir":
		return wire(c.sandbox.GetUserHomeDir(ctx))
	case "get_work_dir":
		return wire(c.sandbox.GetWorkingDir(ctx))
	case "upload_file":
		file := upload(c.args.object("file"))
		return none(fs.UploadFile(ctx, file.Source, file.Destination))
	case "upload_files":
		var files []types.FileUpload
		for _, file := range c.args["files"].([]any) {
			files = append(files, upload(file.(map[string]any)))
		}
		return none(fs.UploadFiles(ctx, files, transfer(opts)...))
	case "open_upload":
		return c.uploadPieces(ctx, remote())
	case "download_file":
		content, err := fs.DownloadFile(ctx, remote(), nil)
		return content, err
	case "download_to_path":
		return none(fs.DownloadFileTo(ctx, remote(), c.args.text("localPath"), transfer(opts)...))
	case "download_files":
		return c.downloadFiles(ctx, transfer(opts))
	case "open_download":
		return c.downloadPieces(ctx, remote())
	case "upload_dir":
		return c.transferDirectory(ctx, func(ctx context.Context) (*types.DirectoryResult, error) {
			return fs.UploadDir(ctx, c.args.text("localPath"), remote(), directory(opts)...)
		})
	case "download_dir":
		return c.transferDirectory(ctx, func(ctx context.Context) (*types.DirectoryResult, error) {
			return fs.DownloadDir(ctx, remote(), c.args.text("localPath"), directory(opts)...)
		})
	}
	return nil, unknown("fs." + name)
}

func permissions(opts arguments) []func(*options.SetFilePermissions) {
	var set []func(*options.SetFilePermissions)
	if opts.has("mode") {
		set = append(set, options.WithPermissionMode(opts.text("mode")))
	}
	if opts.has("owner") {
		set = append(set, options.WithOwner(opts.text("owner")))
	}
	if opts.has("group") {
		set = append(set, options.WithGroup(opts.text("group")))
	}
	return set
}

func transfer(opts arguments) []func(*options.Transfer) {
	if timeout := opts.duration("timeout"); timeout != nil {
		return []func(*options.Transfer){options.WithTransferTimeout(*timeout)}
	}
	return nil
}

func upload(file arguments) types.FileUpload {
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
	return none(c.sandbox.FileSystem.UploadFileStream(ctx, io.MultiReader(readers...), remotePath))
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
		return wire(transfer(ctx))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := transfer(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return nil, nil
}

func fileInfo(f *types.FileInfo) map[string]any {
	modified := f.ModifiedTime.Format(time.RFC3339Nano)
	info := map[string]any{
		"name": f.Name, "isDir": f.IsDirectory, "size": f.Size, "mode": f.Mode, "permissions": f.Permissions,
		"owner": f.Owner, "group": f.Group, "modTime": modified, "modifiedAt": modified,
	}
	if f.Path != "" {
		info["path"] = f.Path
	}
	return info
}
