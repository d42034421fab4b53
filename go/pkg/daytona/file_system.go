package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// FileSystemService has the files of a sandbox. Relative paths start at the sandbox's working directory.
//
// The methods whose name ends with Typed return structs; their twins return the same as maps.
type FileSystemService struct {
	api api.FileSystem
}

// CreateFolder creates a directory and the ones above it. An existing one is fine.
//
// Options: WithMode (default: 755).
//
// Errors: Validation for a bad mode, Authorization when it may not be created.
func (f *FileSystemService) CreateFolder(ctx context.Context, path string, opts ...func(*options.CreateFolder)) error {
	return f.api.CreateFolder(ctx, path, options.Apply(opts...).Mode)
}

// ListFiles lists a directory, sorted by name.
//
// Options: WithDepth (default: 1).
//
// Errors: NotFound when it does not exist, Authorization when it may not be read.
func (f *FileSystemService) ListFiles(ctx context.Context, path string, opts ...func(*options.ListFiles)) ([]*types.FileInfo, error) {
	found, err := f.api.ListFiles(ctx, path, api.ListFilesOptions{Depth: options.Apply(opts...).Depth})
	if err != nil {
		return nil, err
	}
	return pointers(found), nil
}

// GetFileInfo describes a file or directory; links are followed.
//
// Errors: NotFound when it does not exist.
func (f *FileSystemService) GetFileInfo(ctx context.Context, path string) (*types.FileInfo, error) {
	return f.api.GetFileInfo(ctx, path)
}

// GetFileDetails does the same as GetFileInfo.
func (f *FileSystemService) GetFileDetails(ctx context.Context, path string) (*types.FileInfo, error) {
	return f.GetFileInfo(ctx, path)
}

// DeleteFile deletes a file, or with recursive a directory with everything in it.
//
// Errors: NotFound when it does not exist, Validation for a directory without recursive.
func (f *FileSystemService) DeleteFile(ctx context.Context, path string, recursive bool) error {
	return f.api.DeleteFile(ctx, path, api.DeleteFileOptions{Recursive: &recursive})
}

// MoveFiles moves or renames a file or directory.
//
// Errors: NotFound when the source or the directory of the destination does not exist, Conflict when the destination
// exists.
func (f *FileSystemService) MoveFiles(ctx context.Context, source, destination string) error {
	return f.api.MoveFiles(ctx, source, destination)
}

// SearchFiles finds the files below a directory whose name matches a glob (*, ?, [a-z]). The result is a map[string]any
// with "files", a []string.
//
// Errors: NotFound when the path does not exist.
func (f *FileSystemService) SearchFiles(ctx context.Context, path, pattern string) (any, error) {
	files, err := f.SearchFilesTyped(ctx, path, pattern)
	if err != nil {
		return nil, err
	}
	return map[string]any{"files": files}, nil
}

// SearchFilesTyped finds the files below a directory whose name matches a glob (*, ?, [a-z]) and returns their paths.
//
// Errors: NotFound when the path does not exist.
func (f *FileSystemService) SearchFilesTyped(ctx context.Context, path, pattern string) ([]string, error) {
	found, err := f.api.SearchFiles(ctx, path, pattern)
	if err != nil {
		return nil, err
	}
	return found.Files, nil
}

// FindFiles finds the lines that contain pattern literally, in a file or in all text files below a directory. The result is
// a []map[string]any with "file", "line" (int) and "content".
//
// Errors: NotFound when the path does not exist.
func (f *FileSystemService) FindFiles(ctx context.Context, path, pattern string) (any, error) {
	found, err := f.FindFilesTyped(ctx, path, pattern)
	if err != nil {
		return nil, err
	}
	maps := make([]map[string]any, len(found))
	for i, match := range found {
		maps[i] = map[string]any{"file": match.File, "line": match.Line, "content": match.Content}
	}
	return maps, nil
}

// FindFilesTyped finds the lines that contain pattern literally, in a file or in all text files below a directory.
//
// Errors: NotFound when the path does not exist.
func (f *FileSystemService) FindFilesTyped(ctx context.Context, path, pattern string) ([]types.Match, error) {
	return f.api.FindFiles(ctx, path, pattern)
}

// ReplaceInFiles replaces pattern by newValue, literally and everywhere, in each of the files. The result is a
// []map[string]any with "file", "success" (bool) and, when it failed, "error".
//
// Errors: Validation for an empty pattern; a file that could not be changed says so in its own result.
func (f *FileSystemService) ReplaceInFiles(ctx context.Context, files []string, pattern, newValue string) (any, error) {
	results, err := f.ReplaceInFilesTyped(ctx, files, pattern, newValue)
	if err != nil {
		return nil, err
	}
	maps := make([]map[string]any, len(results))
	for i, result := range results {
		maps[i] = map[string]any{}
		setUnlessNil(maps[i], "file", result.File)
		setUnlessNil(maps[i], "success", result.Success)
		setUnlessNil(maps[i], "error", result.Error)
	}
	return maps, nil
}

// ReplaceInFilesTyped replaces pattern by newValue, literally and everywhere, in each of the files.
//
// Errors: Validation for an empty pattern; a file that could not be changed says so in its own result.
func (f *FileSystemService) ReplaceInFilesTyped(ctx context.Context, files []string, pattern, newValue string) ([]types.ReplaceResult, error) {
	return f.api.ReplaceInFiles(ctx, files, pattern, newValue)
}

// SetFilePermissions changes permissions, owner and group of a file or directory; what is not given stays as it is.
//
// Options: WithPermissionMode, WithOwner, WithGroup.
//
// Errors: NotFound when it does not exist, Validation for a bad mode or an unknown user.
func (f *FileSystemService) SetFilePermissions(ctx context.Context, path string, opts ...func(*options.SetFilePermissions)) error {
	o := options.Apply(opts...)
	return f.api.SetFilePermissions(ctx, path, api.PermissionOptions{Mode: o.Mode, Owner: o.Owner, Group: o.Group})
}
