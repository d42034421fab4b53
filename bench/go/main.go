// Benchmarks of the Go package against `daytona-bench serve`, beside net/http and curl.
//
//	cd bench/go && go run . server.json
//
// Every measurement is the best of several runs: on a busy machine the others measure its neighbours.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

const (
	calls     = 2000
	burst     = 2000
	logBytes  = 256 << 20
	fileBytes = 512 << 20
)

var (
	ctx    = context.Background()
	server string
)

// row is one line for `daytona-bench table`.
type row struct {
	Subject string   `json:"subject"`
	Name    string   `json:"name"`
	Value   float64  `json:"value"`
	Unit    string   `json:"unit"`
	Target  *float64 `json:"target"`
	Bare    *float64 `json:"bare"`
}

// emit writes a row; target and bare may be 0 for none.
func emit(name string, value float64, unit string, target, bare float64) {
	some := func(value float64) *float64 {
		if value == 0 {
			return nil
		}
		return &value
	}
	line, err := json.Marshal(row{"go", name, value, unit, some(target), some(bare)})
	check(err)
	fmt.Println(string(line))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func best(rounds int, measure func() float64) float64 {
	values := make([]float64, rounds)
	for i := range values {
		values[i] = measure()
	}
	return slices.Min(values)
}

func seconds(run func()) float64 {
	started := time.Now()
	run()
	return time.Since(started).Seconds()
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func newSandbox() (*daytona.Client, *daytona.Sandbox) {
	client, err := daytona.NewClientWithConfig(&types.DaytonaConfig{APIKey: "bench", APIUrl: server})
	check(err)
	sandbox, err := client.Create(ctx, types.SnapshotParams{})
	check(err)
	return client, sandbox
}

func execute(sandbox *daytona.Sandbox, command string) {
	_, err := sandbox.Process.ExecuteCommand(ctx, command)
	check(err)
}

func executeBare(client *http.Client, command string) {
	body := strings.NewReader(`{"command": "` + command + `"}`)
	response, err := client.Post(server+"/toolbox/x/process/execute", "application/json", body)
	check(err)
	defer response.Body.Close()
	var answer types.ExecuteResponse
	check(json.NewDecoder(response.Body).Decode(&answer))
	_, err = io.Copy(io.Discard, response.Body)
	check(err)
}

// start measures this program itself, which makes one call and ends when it is told so.
func start() {
	program := func(what string) float64 {
		return best(12, func() float64 {
			return 1e3 * seconds(func() { check(exec.Command(os.Args[0], os.Args[1], what).Run()) })
		})
	}
	emit("program to first exec result", program("first"), "ms", 0, program("first-bare"))
}

func sequential(sandbox *daytona.Sandbox) {
	cpu := func(call func()) float64 {
		return best(5, func() float64 {
			before := cpuSeconds()
			for range [calls]struct{}{} {
				call()
			}
			return (cpuSeconds() - before) / calls * 1e6
		})
	}
	bare := cpu(func() { executeBare(http.DefaultClient, "echo hello") })
	mine := cpu(func() { execute(sandbox, "echo hello") })
	emit("exec, one after the other: CPU", mine, "us", 0, bare)
}

func concurrent() {
	many := func(call func()) float64 {
		return seconds(func() {
			var all sync.WaitGroup
			all.Add(burst)
			for range [burst]struct{}{} {
				go func() {
					defer all.Done()
					call()
				}()
			}
			all.Wait()
		})
	}
	mine := best(3, func() float64 {
		// A new client: no connection stands.
		client, sandbox := newSandbox()
		defer client.Close(ctx)
		return many(func() { execute(sandbox, "sleep 0.1") })
	})
	bare := best(3, func() float64 {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		return many(func() { executeBare(client, "sleep 0.1") })
	})
	emit("2,000 concurrent execs of 100 ms", mine, "s", 0.35, bare)
}

func logs(sandbox *daytona.Sandbox) {
	read := func() {
		stream, err := sandbox.Process.StreamSessionCommandLogs(ctx, "s", fmt.Sprint(logBytes))
		check(err)
		defer stream.Close()
		size := 0
		for {
			chunk, err := stream.Next()
			if err == io.EOF {
				break
			}
			check(err)
			size += len(chunk.Data)
		}
		if size != logBytes/1024*1021 {
			check(fmt.Errorf("%d bytes of log", size))
		}
	}
	bare := func() {
		response, err := http.Get(fmt.Sprintf("%s/zeros/%d", server, logBytes))
		check(err)
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		check(err)
	}
	read()
	before := resident()
	read()
	growth := resident() - before
	speed := func(run func()) float64 {
		return logBytes / 1e6 / best(3, func() float64 { return seconds(run) })
	}
	emit("log stream in frames of 1 KiB", speed(read), "MB/s", 700, speed(bare))
	emit("log stream: memory a second one adds", growth, "MB", 8, 0)
}

// resident is the resident memory of this process in MB.
func resident() float64 {
	var size, pages float64
	text, err := os.ReadFile("/proc/self/statm")
	check(err)
	_, err = fmt.Sscan(string(text), &size, &pages)
	check(err)
	return pages * float64(os.Getpagesize()) / 1e6
}

func transfers(sandbox *daytona.Sandbox, directory string) {
	up, down := filepath.Join(directory, "up"), filepath.Join(directory, "down")
	speed := func(run func() error) float64 {
		return fileBytes / 1e6 / best(3, func() float64 {
			// Freeing the old file is no part of writing the new one.
			check(os.RemoveAll(down))
			return seconds(func() { check(run()) })
		})
	}
	curl := func(arguments ...string) func() error {
		return func() error {
			return exec.Command("curl", append([]string{"-sSf", "--noproxy", "*"}, arguments...)...).Run()
		}
	}
	check(os.WriteFile(up, nil, 0o600))
	check(os.Truncate(up, fileBytes))
	bare := speed(curl("-F", "files[0].file=@"+up, server+"/sink"))
	mine := speed(func() error { return sandbox.FileSystem.UploadFile(ctx, up, "/up") })
	emit("upload by path (bare: curl)", mine, "MB/s", 0.9*bare, bare)
	check(os.Remove(up))

	zeros := fmt.Sprintf("/zeros/%d", fileBytes)
	bare = speed(curl("-o", down, server+zeros))
	mine = speed(func() error { return sandbox.FileSystem.DownloadFileTo(ctx, zeros, down) })
	emit("download by path (bare: curl)", mine, "MB/s", 0.9*bare, bare)
}

func main() {
	var addresses struct {
		HTTP string `json:"http"`
	}
	text, err := os.ReadFile(os.Args[1])
	check(err)
	check(json.Unmarshal(text, &addresses))
	server = addresses.HTTP

	if len(os.Args) > 2 {
		first(os.Args[2])
		return
	}
	start()
	client, sandbox := newSandbox()
	defer client.Close(ctx)
	sequential(sandbox)
	logs(sandbox)
	directory, err := os.MkdirTemp("", "bench-")
	check(err)
	defer os.RemoveAll(directory)
	transfers(sandbox, directory)
	concurrent()
}

// first makes the calls of the shortest program.
func first(what string) {
	if what == "first" {
		client, sandbox := newSandbox()
		defer client.Close(ctx)
		execute(sandbox, "echo hello")
		return
	}
	response, err := http.Post(server+"/sandbox", "application/json", strings.NewReader("{}"))
	check(err)
	response.Body.Close()
	executeBare(http.DefaultClient, "echo hello")
}
