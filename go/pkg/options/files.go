package options

import (
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// CreateFolder are options of FileSystemService.CreateFolder.
type CreateFolder struct {
	// Mode is octal, for example 755.
	Mode *string
}

// WithMode sets the permissions of a new directory as octal number. Default: 755.
func WithMode(mode string) func(*CreateFolder) {
	return func(o *CreateFolder) { o.Mode = &mode }
}

// SetFilePermissions are options of FileSystemService.SetFilePermissions; what is not given stays as it is.
type SetFilePermissions struct {
	// Mode is octal, for example 644.
	Mode *string
	// Owner is the name of a user.
	Owner *string
	// Group is the name of a group.
	Group *string
}

// WithPermissionMode sets the permissions as octal number.
func WithPermissionMode(mode string) func(*SetFilePermissions) {
	return func(o *SetFilePermissions) { o.Mode = &mode }
}

// WithOwner sets the owner.
func WithOwner(owner string) func(*SetFilePermissions) {
	return func(o *SetFilePermissions) { o.Owner = &owner }
}

// WithGroup sets the group.
func WithGroup(group string) func(*SetFilePermissions) {
	return func(o *SetFilePermissions) { o.Group = &group }
}

// ListFiles are options of FileSystemService.ListFiles.
type ListFiles struct {
	// Depth is how many levels to list. Default: 1.
	Depth *int
}

// WithDepth sets how many levels to list. Default: 1.
func WithDepth(depth int) func(*ListFiles) {
	return func(o *ListFiles) { o.Depth = &depth }
}

// Transfer are options of uploads and downloads of several files.
type Transfer struct {
	// Timeout of the whole transfer. Default: 30 minutes.
	Timeout *time.Duration
}

// WithTransferTimeout limits a whole transfer. Default: 30 minutes.
func WithTransferTimeout(timeout time.Duration) func(*Transfer) {
	return func(o *Transfer) { o.Timeout = &timeout }
}

// Directory are options of FileSystemService.UploadDir and DownloadDir.
type Directory struct {
	// Exclude are globs of what to leave out. One without / is compared with every name (node_modules, *.pyc), one with /
	// with the path below the directory (build/**). What is below a directory left out is left out too.
	Exclude []string
	// Progress is called some ten times a second, on the goroutine of the call.
	Progress func(types.DirectoryProgress)
	// Timeout of the whole transfer. Default: 30 minutes.
	Timeout *time.Duration
}

// WithExclude adds globs of what to leave out. One without / is compared with every name (node_modules, *.pyc), one with /
// with the path below the directory (build/**). What is below a directory left out is left out too.
func WithExclude(globs ...string) func(*Directory) {
	return func(o *Directory) { o.Exclude = append(o.Exclude, globs...) }
}

// WithDirectoryProgress calls fn some ten times a second, on the goroutine of the call.
func WithDirectoryProgress(fn func(types.DirectoryProgress)) func(*Directory) {
	return func(o *Directory) { o.Progress = fn }
}

// WithDirectoryTimeout limits the transfer of a directory. Default: 30 minutes.
func WithDirectoryTimeout(timeout time.Duration) func(*Directory) {
	return func(o *Directory) { o.Timeout = &timeout }
}
