// Command daytona serves the local engine of the Daytona SDK: sandboxes on this machine, without an account. Install it with
//
//	go install github.com/daytonaio/daytona/libs/sdk-go/cmd/daytona@latest
//
// and the SDK starts it when DAYTONA_API_URL is local.
//
// It holds the program, compressed, in files that the repository does not have (`make dist` in go/), unpacks it into the user's
// cache directory at first, and becomes it.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Set by the packed module, on the platforms it has the program for.
var (
	compressed []byte
	checksum   string
)

func main() {
	path, err := program()
	if err == nil {
		err = syscall.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, "daytona:", err)
	os.Exit(1)
}

// program returns the path of the unpacked program.
func program() (string, error) {
	if len(compressed) == 0 {
		return "", fmt.Errorf("this module has no program for %s on %s", runtime.GOOS, runtime.GOARCH)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	directory := filepath.Join(cache, "daytona", checksum)
	path := filepath.Join(directory, "daytona")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", err
	}
	return path, unpack(directory, path)
}

// unpack writes the program to a file of its own and renames it, so that it is never seen half-written.
func unpack(directory, path string) error {
	program, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(directory, "daytona-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = io.Copy(file, program)
	if err == nil {
		err = file.Chmod(0o700)
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
