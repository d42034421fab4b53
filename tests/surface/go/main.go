// The program surface compares the installed Go module with the public surface that tests/surface/go.json promises.
//
//	go run . <surface file> <result file> <program directory>
//
// The program directory is a module that requires the package. Every documented form becomes a line of a program there that
// the Go compiler checks: methods and functions are called with the documented arguments and give the documented results,
// fields are read and written with their documented types. Prints a line per required symbol that is missing or differs,
// writes every symbol's result, and fails when there is such a line.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Entry is a symbol of the surface.
type Entry struct {
	Name   string            `json:"name"`
	Kind   string            `json:"kind"`
	Forms  []string          `json:"forms"`
	Uses   []string          `json:"uses"`
	Type   string            `json:"type"`
	Value  *string           `json:"value"`
	Fields map[string]string `json:"fields"`
}

// Surface is the whole file.
type Surface struct {
	Module       string `json:"module"`
	Capabilities map[string]struct {
		Status  string  `json:"status"`
		Symbols []Entry `json:"symbols"`
	} `json:"capabilities"`
	Accepted []struct {
		Name   string `json:"name"`
		Reason string `json:"reason"`
	} `json:"accepted"`
}

// Result is what became of a symbol.
type Result struct {
	Capability string `json:"capability"`
	Required   bool   `json:"required"`
	Result     string `json:"result"`
	Detail     string `json:"detail,omitempty"`

	expected string
}

func main() {
	if len(os.Args) != 4 {
		fail("usage: surface <surface file> <result file> <program directory>")
	}
	data, err := os.ReadFile(os.Args[1])
	check(err)
	var surface Surface
	check(json.Unmarshal(data, &surface))
	results := map[string]*Result{}
	var lines []line
	for capability, part := range surface.Capabilities {
		for _, entry := range part.Symbols {
			for _, l := range entry.lines() {
				if results[l.symbol] == nil {
					results[l.symbol] = &Result{Capability: capability, Required: part.Status == "required", Result: "ok", expected: l.expected}
				}
				lines = append(lines, l)
			}
		}
	}
	// Map order must not decide what the compiler sees first.
	sort.SliceStable(lines, func(i, j int) bool { return lines[i].symbol < lines[j].symbol })
	for _, complaint := range compile(os.Args[3], surface.Module, lines) {
		results[complaint.symbol].record(complaint)
	}
	accepted := map[string]string{}
	for _, one := range surface.Accepted {
		accepted[one.Name] = one.Reason
	}
	for name, result := range results {
		if reason := accepted[name]; reason != "" && result.Result != "ok" {
			result.Detail = fmt.Sprintf("%s (%s)", reason, result.Detail)
			result.Result = "accepted"
			delete(accepted, name)
		}
	}
	check(os.MkdirAll(filepath.Dir(os.Args[2]), 0o755))
	text, err := json.MarshalIndent(map[string]any{"language": "go", "symbols": results}, "", " ")
	check(err)
	check(os.WriteFile(os.Args[2], append(text, '\n'), 0o644))
	if !report(results, accepted) {
		os.Exit(1)
	}
}

// record takes what the compiler said about a symbol. What does not exist cannot differ.
func (r *Result) record(c complaint) {
	if r.Result == "missing" {
		return
	}
	if c.absent {
		r.Result, r.Detail = "missing", ""
		if r.expected != "" {
			r.Detail = "expected " + r.expected
		}
	} else if r.Result == "ok" {
		r.Result = "differs"
		r.Detail = strings.TrimPrefix(fmt.Sprintf("expected %s; found: %s", r.expected, c.message), "expected ; ")
	}
}

func report(results map[string]*Result, accepted map[string]string) bool {
	names := make([]string, 0, len(results))
	later, wrong := 0, 0
	for name := range results {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		r := results[name]
		if !r.Required && r.Result != "ok" {
			later++
		}
		if r.Required && (r.Result == "missing" || r.Result == "differs") {
			wrong++
			fmt.Println(strings.TrimSuffix(fmt.Sprintf("%s: %s: %s", r.Result, name, r.Detail), ": "))
		}
	}
	for name := range accepted {
		fmt.Println("accepted without need:", name)
	}
	fmt.Printf("go: %d symbols, %d missing or different, %d to come\n", len(results), wrong, later)
	return wrong == 0 && len(accepted) == 0
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
