package types

// FileUpload is a file to upload.
type FileUpload struct {
	// Source is the content as []byte or io.Reader, or the path of a local file as string.
	Source any
	// Destination is the path in the sandbox; directories above it are created.
	Destination string
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
