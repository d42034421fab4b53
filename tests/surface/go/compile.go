package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// complaint is what the compiler says about a line.
type complaint struct {
	symbol  string
	message string
	// absent tells that the symbol itself does not exist.
	absent bool
}

const head = `package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"MODULE/pkg/daytona"
	"MODULE/pkg/errors"
	"MODULE/pkg/options"
	"MODULE/pkg/types"
)

func main() {}

// used takes whatever an expression gives.
func used(...any) {}

var (
	_ context.Context
	_ io.Reader
	_ http.Header
	_ time.Duration
	_ daytona.Client
	_ errors.DaytonaError
	_ options.CreateSandbox
	_ types.DaytonaConfig
)

`

var (
	position = regexp.MustCompile(`^\S*surface\.go:(\d+):\d+: (.*)$`)
	unknown  = regexp.MustCompile(`undefined|has no field or method|unknown field`)
)

// compile has the lines checked in a package of their own of the module in a directory.
func compile(directory, module string, lines []line) []complaint {
	source := strings.ReplaceAll(head, "MODULE", module)
	begin := strings.Count(source, "\n") + 1
	for _, l := range lines {
		source += l.code + "\n"
	}
	folder := filepath.Join(directory, "surface")
	check(os.MkdirAll(folder, 0o755))
	check(os.WriteFile(filepath.Join(folder, "surface.go"), []byte(source), 0o644))
	// -e: all errors, not the first ten.
	command := exec.Command("go", "build", "-gcflags=-e", "-o", os.DevNull, "./surface")
	command.Dir = directory
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	var complaints []complaint
	for _, said := range strings.Split(output.String(), "\n") {
		match := position.FindStringSubmatch(said)
		if match == nil {
			continue
		}
		number, _ := strconv.Atoi(match[1])
		if number < begin {
			fail("the package is incomplete: " + said)
		}
		symbol := lines[number-begin].symbol
		complaints = append(complaints, complaint{symbol, match[2], isAbsence(match[2], symbol)})
	}
	if err != nil && complaints == nil {
		fail("go build: " + output.String())
	}
	return complaints
}

// isAbsence tells whether the compiler misses the symbol or what it belongs to, and not something its form mentions.
func isAbsence(message, symbol string) bool {
	if !unknown.MatchString(message) {
		return false
	}
	parts := strings.Split(strings.Split(symbol, " [")[0], ".")
	return strings.Contains(message, "."+parts[len(parts)-1]+" ") || strings.Contains(message, ": "+parts[0]+"."+parts[1]) ||
		strings.HasSuffix(message, "undefined: "+strings.Join(parts[:2], "."))
}
