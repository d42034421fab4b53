package options

import "time"

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
