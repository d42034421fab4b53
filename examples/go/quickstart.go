// Quickstart: the tour that every language's package has.
//
//	DAYTONA_API_URL=local go run quickstart.go ../data/sales.csv
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

const analysis = `
import csv, sys
rows = list(csv.DictReader(open("sales.csv")))
for region in sorted({row["region"] for row in rows}):
    units = sum(int(row["units"]) for row in rows if row["region"] == region)
    print(f"{region}: {units} units", flush=True)
print(f"read {len(rows)} rows", file=sys.stderr, flush=True)
`

const chart = `
import csv
import matplotlib.pyplot as plt
months = {}
for row in csv.DictReader(open("sales.csv")):
    months[row["month"]] = months.get(row["month"], 0) + float(row["revenue"])
print(f"{sum(months.values()):.2f}")
plt.plot(list(months), list(months.values()))
plt.title("Revenue by month")
plt.show()
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	table := filepath.Join("..", "data", "sales.csv")
	if len(os.Args) > 1 {
		table = os.Args[1]
	}
	client, err := daytona.NewClient()
	if err != nil {
		return err
	}
	defer client.Close(ctx)

	var sandbox *daytona.Sandbox
	err = step("create sandbox", func() (detail string, err error) {
		sandbox, err = client.Create(ctx, types.SnapshotParams{
			SandboxBaseParams: types.SandboxBaseParams{Labels: map[string]string{"example": "quickstart"}},
		})
		if err != nil {
			return "", err
		}
		return sandbox.ID, nil
	})
	if err != nil {
		return err
	}
	// Also after a failure or Ctrl-C, so not with a context that may have ended.
	defer func() {
		deleted := step("delete sandbox", func() (string, error) {
			err := sandbox.Delete(context.Background())
			return string(sandbox.State), err
		})
		if err == nil {
			err = deleted
		}
	}()
	return tour(ctx, sandbox, table)
}

func tour(ctx context.Context, sandbox *daytona.Sandbox, table string) error {
	steps := []struct {
		label string
		run   func() (string, error)
	}{
		{"upload CSV", func() (string, error) { return uploadTable(ctx, sandbox, table) }},
		{"run Python, live", func() (string, error) { return runLive(ctx, sandbox) }},
		{"draw chart", func() (string, error) { return drawChart(ctx, sandbox) }},
		{"shell session", func() (string, error) { return shellSession(ctx, sandbox) }},
		{"terminal", func() (string, error) { return terminal(ctx, sandbox) }},
		{"download file", func() (string, error) { return download(ctx, sandbox) }},
	}
	for _, s := range steps {
		if err := step(s.label, s.run); err != nil {
			return err
		}
	}
	return nil
}

// step runs a step and prints its label, the time it took and what it has to tell.
func step(label string, run func() (string, error)) error {
	started := time.Now()
	detail, err := run()
	if err != nil {
		return fmt.Errorf("%s: %w", label, err)
	}
	fmt.Printf("  %-20s %6d ms  %s\n", label, time.Since(started).Milliseconds(), detail)
	return nil
}

func uploadTable(ctx context.Context, sandbox *daytona.Sandbox, table string) (string, error) {
	if err := sandbox.FileSystem.UploadFile(ctx, table, "sales.csv"); err != nil {
		return "", err
	}
	info, err := sandbox.FileSystem.GetFileInfo(ctx, "sales.csv")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sales.csv, %d bytes", info.Size), nil
}

// runLive runs a program in the background and prints what it writes while it runs.
func runLive(ctx context.Context, sandbox *daytona.Sandbox) (string, error) {
	if err := sandbox.FileSystem.UploadFile(ctx, []byte(analysis), "analysis.py"); err != nil {
		return "", err
	}
	if err := sandbox.Process.CreateSession(ctx, "analysis"); err != nil {
		return "", err
	}
	command, err := sandbox.Process.ExecuteSessionCommandTyped(ctx, "analysis", "python3 analysis.py", options.WithRunAsync(true))
	if err != nil {
		return "", err
	}
	stdout, stderr := make(chan string), make(chan string)
	var printers sync.WaitGroup
	printers.Add(2)
	go printLines(&printers, "stdout", stdout)
	go printLines(&printers, "stderr", stderr)
	err = sandbox.Process.GetSessionCommandLogsStream(ctx, "analysis", command.CmdID, stdout, stderr)
	printers.Wait()
	if err != nil {
		return "", err
	}
	ended, err := sandbox.Process.GetSessionCommandTyped(ctx, "analysis", command.CmdID)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("exit code %d", *ended.ExitCode), nil
}

func printLines(done *sync.WaitGroup, name string, texts <-chan string) {
	defer done.Done()
	for text := range texts {
		for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			fmt.Printf("    %s  %s\n", name, line)
		}
	}
}

// drawChart runs a program whose chart comes back as a picture.
func drawChart(ctx context.Context, sandbox *daytona.Sandbox) (string, error) {
	result, err := sandbox.Process.CodeRun(ctx, chart)
	if err != nil {
		return "", err
	}
	if result.ExitCode != 0 || result.Artifacts == nil || len(result.Artifacts.Charts) == 0 || result.Artifacts.Charts[0].PNG == nil {
		return "", fmt.Errorf("no chart, but: %s", result.Result)
	}
	picture, err := base64.StdEncoding.DecodeString(*result.Artifacts.Charts[0].PNG)
	if err != nil {
		return "", err
	}
	directory, err := os.MkdirTemp("", "quickstart-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(directory, "chart.png")
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		return "", err
	}
	return fmt.Sprintf("revenue %s, %d bytes in %s", strings.TrimSpace(result.Artifacts.Stdout), len(picture), path), nil
}

// shellSession shows that directory and variables last from command to command.
func shellSession(ctx context.Context, sandbox *daytona.Sandbox) (string, error) {
	if err := sandbox.Process.CreateSession(ctx, "shell"); err != nil {
		return "", err
	}
	if _, err := sandbox.Process.ExecuteSessionCommand(ctx, "shell", "cd /tmp && GREETING=hello", false); err != nil {
		return "", err
	}
	command, err := sandbox.Process.ExecuteSessionCommandTyped(ctx, "shell", `echo "$GREETING from $PWD"`, options.WithRunAsync(true))
	if err != nil {
		return "", err
	}
	logs, err := sandbox.Process.StreamSessionCommandLogs(ctx, "shell", command.CmdID)
	if err != nil {
		return "", err
	}
	defer logs.Close()
	var text strings.Builder
	for {
		chunk, err := logs.Next()
		if err == io.EOF {
			return strings.TrimSpace(text.String()), sandbox.Process.DeleteSession(ctx, "shell")
		}
		if err != nil {
			return "", err
		}
		text.Write(chunk.Data)
	}
}

// terminal drives a terminal: input, another size, the exit code.
func terminal(ctx context.Context, sandbox *daytona.Sandbox) (string, error) {
	handle, err := sandbox.Process.CreatePty(ctx, "terminal", options.WithCreatePtySize(types.PtySize{Rows: 24, Cols: 80}))
	if err != nil {
		return "", err
	}
	defer handle.Disconnect()
	if _, err := handle.Resize(ctx, 100, 30); err != nil {
		return "", err
	}
	if err := handle.SendInput([]byte("echo size $(stty size); exit 7\n")); err != nil {
		return "", err
	}
	output, err := io.ReadAll(handle)
	if err != nil {
		return "", err
	}
	result, err := handle.Wait(ctx)
	if err != nil {
		return "", err
	}
	if !strings.Contains(string(output), "size 30 100") || result.ExitCode == nil {
		return "", fmt.Errorf("unexpected output: %q", output)
	}
	return fmt.Sprintf("size 30 100, exit code %d", *result.ExitCode), nil
}

func download(ctx context.Context, sandbox *daytona.Sandbox) (string, error) {
	content, err := sandbox.FileSystem.DownloadFile(ctx, "sales.csv", nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sales.csv, %d lines", strings.Count(string(content), "\n")), nil
}
