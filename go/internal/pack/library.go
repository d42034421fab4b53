package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

var declared = regexp.MustCompile(`\b(daytona_[a-z_]+)\(`)

// reduce returns the static library with nothing in it but what the functions of the header need: one object without debug
// information, whose other names are its own. A program may be linked with other Rust libraries as well.
func reduce(library, header string) ([]byte, error) {
	text, err := os.ReadFile(header)
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "daytona-pack-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(directory)
	object, reduced := filepath.Join(directory, "daytona.o"), filepath.Join(directory, "libdaytona.a")

	link := []string{"-r", "--gc-sections", "-o", object}
	keep := []string{"--strip-unneeded", "--remove-section=.llvmbc", "--remove-section=.llvmcmd"}
	for _, function := range declared.FindAllStringSubmatch(string(text), -1) {
		link = append(link, "-u", function[1])
		keep = append(keep, "--keep-global-symbol="+function[1])
	}
	for _, command := range [][]string{
		append(append([]string{"ld"}, link...), library),
		append(append([]string{"objcopy"}, keep...), object),
		{"ar", "rcsD", reduced, object},
	} {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", strings.Join(command[:2], " "), err, output)
		}
	}
	return os.ReadFile(reduced)
}
