package types

import (
	"encoding/json"
	"time"
)

// FileInfo describes a file or directory.
type FileInfo struct {
	// Name without directory.
	Name string
	// Size in bytes.
	Size int64
	// Mode as ls shows it, for example -rw-r--r--.
	Mode string
	// ModifiedTime is when the content last changed.
	ModifiedTime time.Time
	// IsDirectory tells whether it is a directory.
	IsDirectory bool
	// Permissions as octal number, for example 0644.
	Permissions string
	// Owner is the name of its user.
	Owner string
	// Group is the name of its group.
	Group string
	// Path is set in recursive listings: the path below the listed directory.
	Path string
}

// UnmarshalJSON reads the wire's form.
func (f *FileInfo) UnmarshalJSON(data []byte) error {
	var wire struct {
		Name        string `json:"name"`
		Size        int64  `json:"size"`
		Mode        string `json:"mode"`
		ModTime     string `json:"modTime"`
		ModifiedAt  string `json:"modifiedAt"`
		IsDir       bool   `json:"isDir"`
		Permissions string `json:"permissions"`
		Owner       string `json:"owner"`
		Group       string `json:"group"`
		Path        string `json:"path"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*f = FileInfo{
		Name: wire.Name, Size: wire.Size, Mode: wire.Mode, IsDirectory: wire.IsDir, Permissions: wire.Permissions,
		Owner: wire.Owner, Group: wire.Group, Path: wire.Path, ModifiedTime: parseTime(wire.ModifiedAt, wire.ModTime),
	}
	return nil
}

// timeLayouts are the forms servers have used.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999 -0700 MST", time.RFC1123}

// parseTime returns the first of the texts that is a time, or the zero time.
func parseTime(texts ...string) time.Time {
	for _, text := range texts {
		for _, layout := range timeLayouts {
			if parsed, err := time.Parse(layout, text); err == nil {
				return parsed
			}
		}
	}
	return time.Time{}
}

// FileUpload is a file to upload.
type FileUpload struct {
	// Source is the content as []byte or io.Reader, or the path of a local file as string.
	Source any
	// Destination is the path in the sandbox; directories above it are created.
	Destination string
}

// FileDownloadRequest is a file to download.
type FileDownloadRequest struct {
	// Source is the path in the sandbox.
	Source string
	// Destination is the local path to store it at, or nil for memory.
	Destination *string
}

// FileDownloadResponse is the result of one file of several.
type FileDownloadResponse struct {
	// Source is the path in the sandbox.
	Source string
	// Result is the content as []byte, or the local path as string; nil when the file failed.
	Result any
	// Error tells why the file failed; nil when it did not.
	Error *string
	// ErrorDetails tells it to programs.
	ErrorDetails *FileDownloadErrorDetails
}

// FileDownloadErrorDetails tells why one file of several could not be downloaded.
type FileDownloadErrorDetails struct {
	// Message for people.
	Message string
	// StatusCode is the HTTP status, or 0.
	StatusCode int
	// ErrorCode is machine-readable, or empty.
	ErrorCode string
}
