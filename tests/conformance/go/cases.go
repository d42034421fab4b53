package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

type testCase struct {
	Name    string         `json:"name"`
	Sandbox string         `json:"sandbox"` // shared (default), own, none
	Create  map[string]any `json:"create"`
	Steps   []step         `json:"steps"`
	Compat  any            `json:"compat"` // for other servers
	ID      string         `json:"-"`      // file/name
}

type step struct {
	Op          string            `json:"op"`
	Args        map[string]any    `json:"args"`
	Expect      any               `json:"expect"`
	Error       *expectedError    `json:"error"`
	Save        map[string]string `json:"save"`
	CancelAfter *float64          `json:"cancelAfter"`
	Cancelled   bool              `json:"cancelled"`
	Input       []any             `json:"input"`
	Pieces      []any             `json:"pieces"`
	Detach      bool              `json:"detach"`
	Read        string            `json:"read"` // lines, again, ended, closed
	RetryFor    float64           `json:"retryFor"`
	Requests    any               `json:"requests"` // for the recorder
	Compat      any               `json:"compat"`   // for other servers
}

type expectedError struct {
	Kind    string  `json:"kind"`
	Status  *int    `json:"status"`
	Code    *string `json:"code"`
	Message any     `json:"message"`
}

// isRecorded tells whether requests of the case are to be recorded.
func (c testCase) isRecorded() bool {
	for _, s := range c.Steps {
		if s.Requests != nil {
			return true
		}
	}
	return false
}

// ops are the operations of a case, sorted.
func (c testCase) ops() []string {
	seen := map[string]bool{}
	var ops []string
	for _, s := range c.Steps {
		if !seen[s.Op] {
			seen[s.Op] = true
			ops = append(ops, s.Op)
		}
	}
	sort.Strings(ops)
	return ops
}

// loadCases returns the selected cases, by file and order.
func loadCases(filter []string) ([]testCase, error) {
	directory := filepath.Join(repository, "tests", "conformance")
	if runDirectory != "" {
		directory = runDirectory
	}
	files, err := filepath.Glob(filepath.Join(directory, "cases", "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there are no cases: run this program in tests/conformance/go")
	}
	var all []testCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var cases []testCase
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&cases); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, c := range cases {
			c.ID = strings.TrimSuffix(filepath.Base(file), ".json") + "/" + c.Name
			if selected(c.ID, filter) && (recorder == "" || c.isRecorded()) {
				all = append(all, c)
			}
		}
	}
	return all, nil
}
