// Package local has the daytona program, which serves the local engine, for machines where it is not installed.
//
// The packed module contains it, compressed, in files that the repository does not have: see `make dist`. Programs that
// never use the local engine are smaller when built with the tag daytona_no_engine.
package local

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
)

// Set by the packed module, on the platforms it has the program for.
var (
	compressed []byte
	checksum   string
)

// Binary returns the path of the program, which is unpacked into the user's cache at first, or "" when this module does
// not contain it.
func Binary() (string, error) {
	if len(compressed) == 0 {
		return "", nil
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
