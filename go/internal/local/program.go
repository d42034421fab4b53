// Package local finds the daytona program, which serves the local engine and is a module of its own: cmd/daytona.
package local

import (
	"os"
	"path/filepath"
)

// Binary is the program for the local engine, when one was given or `go install` has put it in its place, or "": then the environment
// names it, or it is on PATH.
func Binary(given string) string {
	if given != "" || os.Getenv("DAYTONA_LOCAL_BINARY") != "" {
		return given
	}
	return program()
}

// program returns the path of the program where `go install` puts it, or "" when it is not there.
func program() string {
	for _, directory := range directories() {
		path := filepath.Join(directory, "daytona")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// directories are those that `go install` may write to, in its order.
func directories() []string {
	var found []string
	if directory := os.Getenv("GOBIN"); filepath.IsAbs(directory) {
		found = append(found, directory)
	}
	for _, directory := range filepath.SplitList(os.Getenv("GOPATH")) {
		if filepath.IsAbs(directory) {
			found = append(found, filepath.Join(directory, "bin"))
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		found = append(found, filepath.Join(home, "go", "bin"))
	}
	return found
}
