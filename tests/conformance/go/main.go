// Conformance runs the cases of tests/conformance (see ../README.md) through the Go package's public API.
//
//	go run . [text…]
//
// Texts select the cases whose file/name contains one of them. The program ends with 1 when a case fails, and writes the
// results of a full run to target/conformance/go.json.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
)

const (
	runnerName = "go"
	// jobs is how many cases run at the same time.
	jobs = 6
)

// repository is the top directory, seen from the one this program runs in.
var repository = filepath.Join("..", "..", "..")

// runDirectory has the cases and gets the results of another server than the newest.
var runDirectory = os.Getenv("DAYTONA_CONFORMANCE")

type caseResult struct {
	Case  string   `json:"case"`
	OK    bool     `json:"ok"`
	Ops   []string `json:"ops"`
	Error *string  `json:"error"`
}

func main() {
	ok, err := run(context.Background(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, filter []string) (bool, error) {
	cases, err := loadCases(filter)
	if err != nil {
		return false, err
	}
	client, err := daytona.NewClient()
	if err != nil {
		return false, err
	}
	defer client.Close(ctx)
	shared, err := client.Create(ctx, nil)
	if err != nil {
		return false, err
	}
	defer shared.Delete(ctx)

	results := make([]caseResult, len(cases))
	slots := make(chan struct{}, jobs)
	if recorder != "" {
		slots = make(chan struct{}, 1)
	}
	var running sync.WaitGroup
	for i := range cases {
		running.Add(1)
		slots <- struct{}{}
		go func(i int) {
			defer running.Done()
			results[i] = report(ctx, client, shared, cases[i])
			<-slots
		}(i)
	}
	running.Wait()
	held := 0
	for _, result := range results {
		if result.OK {
			held++
		}
	}
	fmt.Printf("%s: %d of %d cases hold\n", runnerName, held, len(results))
	if len(filter) == 0 {
		err = write(results)
	}
	return held == len(results), err
}

func report(ctx context.Context, client *daytona.Client, shared *daytona.Sandbox, c testCase) caseResult {
	result := caseResult{Case: c.ID, Ops: c.ops(), OK: true}
	if err := runCase(ctx, client, shared, c); err != nil {
		text := err.Error()
		result.OK, result.Error = false, &text
		fmt.Printf("FAILED %s %s: %s\n", runnerName, c.ID, text)
		return result
	}
	fmt.Printf("ok %s %s\n", runnerName, c.ID)
	return result
}

func write(results []caseResult) error {
	directory := filepath.Join(repository, "target", "conformance")
	if runDirectory != "" {
		directory = runDirectory
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	name := runnerName
	if recorder != "" {
		name += "-requests"
	}
	return os.WriteFile(filepath.Join(directory, name+".json"), text, 0o644)
}

func selected(id string, filter []string) bool {
	for _, text := range filter {
		if strings.Contains(id, text) {
			return true
		}
	}
	return len(filter) == 0
}
