package daytona_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func spawn(t *testing.T, sandbox *daytona.Sandbox, command string, opts ...func(*options.Spawn)) *daytona.SpawnedProcess {
	t.Helper()
	process, err := sandbox.Process.Spawn(ctx, command, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Close(); err != nil {
			t.Error(err)
		}
	})
	return process
}

// all reads an output to its end.
func all(t *testing.T, output *daytona.ProcessOutput, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	content, err := io.ReadAll(output)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// collected are the items of an iterator, without range over functions, which the package's oldest Go does not have.
func collected[T any](t *testing.T, items func(yield func(T, error) bool)) []T {
	t.Helper()
	var list []T
	items(func(item T, err error) bool {
		if err != nil {
			t.Error(err)
			return false
		}
		list = append(list, item)
		return true
	})
	return list
}

func TestTheOutputsOfAProcessAreApartAndReadInEveryForm(t *testing.T) {
	sandbox := newSandbox(t)
	process := spawn(t, sandbox, `printf 'one\ntw'; printf 'wrong\n' >&2; printf 'o\r\n\377 \303\244'; exit 3`)
	var stdout, stderr bytes.Buffer
	if code, err := process.Follow(ctx, &stdout, &stderr); err != nil || code != 3 {
		t.Fatalf("%d %v", code, err)
	}
	const text = "one\ntwo\r\n\xff ä"
	if stdout.String() != text || stderr.String() != "wrong\n" {
		t.Errorf("%q %q", stdout.String(), stderr.String())
	}
	var onStdout, onStderr string
	code, err := process.FollowText(ctx, func(text string) { onStdout += text }, func(text string) { onStderr += text })
	if err != nil || code != 3 || onStdout != "one\ntwo\r\n\uFFFD ä" || onStderr != "wrong\n" {
		t.Errorf("%q %q %d %v", onStdout, onStderr, code, err)
	}
	if code, err := process.FollowText(ctx, nil, nil); err != nil || code != 3 {
		t.Errorf("%d %v", code, err)
	}
	output, err := process.Stdout(ctx)
	if got := all(t, output, err); got != text {
		t.Errorf("%q", got)
	}
	output, err = process.Stderr(ctx)
	if got := all(t, output, err); got != "wrong\n" {
		t.Errorf("%q", got)
	}
	output, err = process.Stdout(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if lines := collected(t, output.Lines()); !reflect.DeepEqual(lines, []string{"one", "two", "\uFFFD ä"}) {
		t.Errorf("%q", lines)
	}
	if n, err := output.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d %v", n, err)
	}
	output, err = process.Stdout(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if pieces := collected(t, output.Text()); strings.Join(pieces, "") != "one\ntwo\r\n\uFFFD ä" {
		t.Errorf("%q", pieces)
	}
	log, err := process.Output(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var together string
	for _, chunk := range collected(t, log.All()) {
		if chunk.Stderr {
			together += "<" + string(chunk.Data) + ">"
		} else {
			together += string(chunk.Data)
		}
	}
	if !strings.Contains(together, "<wrong\n>") || strings.Replace(together, "<wrong\n>", "", 1) != text {
		t.Errorf("%q", together)
	}
	info := process.Info()
	if process.ID() != info.ID || process.Command() != info.Command || process.Cwd() != "" || info.ExitCode != nil {
		t.Errorf("%s %+v", process, info)
	}
	if code, err := process.ExitCode(ctx); err != nil || *code != 3 {
		t.Errorf("%v %v", code, err)
	}
}

func TestReadingLineByLineAndByteByByteCanTakeTurns(t *testing.T) {
	sandbox := newSandbox(t)
	output, err := spawn(t, sandbox, "seq 1 5").Stdout(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	output.Lines()(func(line string, err error) bool { return line != "2" })
	rest, err := io.ReadAll(output)
	if err != nil || string(rest) != "3\n4\n5\n" {
		t.Errorf("%q %v", rest, err)
	}
}

func TestInputIsWrittenWhileOutputIsRead(t *testing.T) {
	sandbox := newSandbox(t)
	process := spawn(t, sandbox, `while read -r line; do echo "<$line>"; done; echo "in $PWD with $A"`,
		options.WithStdin(true), options.WithSpawnCwd("/tmp"), options.WithSpawnEnv(map[string]string{"A": "b"}), nil)
	output, err := process.Stdout(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	input := process.Stdin(ctx)
	for _, word := range []string{"one", "zwölf"} {
		if _, err := io.WriteString(input, word+"\n"); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, len(word)+3)
		if _, err := io.ReadFull(output, answer); err != nil || string(answer) != "<"+word+">\n" {
			t.Fatalf("%q %v", answer, err)
		}
	}
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(output); err != nil || string(rest) != "in /tmp with b\n" {
		t.Errorf("%q %v", rest, err)
	}
	if code, err := process.Wait(ctx); err != nil || code != 0 {
		t.Errorf("%d %v", code, err)
	}
	if _, err := input.Write([]byte("late\n")); !errors.Is(err, sdkerrors.ErrCommandAlreadyCompleted) {
		t.Errorf("%v", err)
	}
	if err := spawn(t, sandbox, "sleep 100").WriteStdin(ctx, []byte("x")); !errors.Is(err, sdkerrors.ErrInvalidArgument) {
		t.Errorf("%v", err)
	}
}

// canceller keeps what is written and cancels a context with the first piece.
type canceller struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (c *canceller) Write(p []byte) (int, error) {
	c.cancel()
	return c.Buffer.Write(p)
}

func TestAWaitThatEndsEarlyLeavesTheProcessAlone(t *testing.T) {
	sandbox := newSandbox(t)
	process := spawn(t, sandbox, "echo early; sleep 1000")
	if line, err := process.WaitForLog(ctx, "^ear", options.WithRegex(true), options.WithLogOutput(types.OutputChannelStdout)); err != nil || line != "early" {
		t.Fatalf("%q %v", line, err)
	}
	if _, err := process.Wait(ctx, options.WithWaitTimeout(50*time.Millisecond)); !errors.Is(err, sdkerrors.ErrTimeout) {
		t.Errorf("%v", err)
	}
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	follower := canceller{cancel: cancel}
	if _, err := process.Follow(cancellable, &follower, nil); !errors.Is(err, context.Canceled) || follower.String() != "early\n" {
		t.Errorf("%q %v", follower.String(), err)
	}
	output, err := process.Stdout(ctx, options.WithFollow(false))
	if got := all(t, output, err); got != "early\n" {
		t.Errorf("%q", got)
	}
	if code, err := process.ExitCode(ctx); err != nil || code != nil {
		t.Errorf("%v %v", code, err)
	}
	if err := process.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	if code, err := process.Wait(ctx); err != nil || code != 137 {
		t.Errorf("%d %v", code, err)
	}
	// A killed process is there until it has had its turn.
	eventually(t, "the end of the whole tree", func() bool { return sh(t, sandbox, "pgrep -cfx 'sleep 1000' || true") == "0\n" })
}

func TestASignalReachesTheProcess(t *testing.T) {
	sandbox := newSandbox(t)
	process := spawn(t, sandbox, "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done")
	if _, err := process.WaitForLog(ctx, "ready"); err != nil {
		t.Fatal(err)
	}
	if err := process.SendSignal(ctx, "no signal"); !errors.Is(err, sdkerrors.ErrInvalidArgument) {
		t.Errorf("%v", err)
	}
	if err := process.SendSignal(ctx, "SIGTERM"); err != nil {
		t.Fatal(err)
	}
	if code, err := process.Wait(ctx, options.WithWaitTimeout(2*time.Minute)); err != nil || code != 5 {
		t.Errorf("%d %v", code, err)
	}
}

func TestAProcessIsFoundAgainUntilItIsReleased(t *testing.T) {
	sandbox := newSandbox(t)
	process := spawn(t, sandbox, "echo hello; sleep 1000")
	other, err := engineClient(t).Get(ctx, sandbox.ID)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := other.Process.ListSpawned(ctx)
	if err != nil || len(listed) != 1 || listed[0].ID() != process.ID() {
		t.Fatalf("%v %v", listed, err)
	}
	found, err := other.Process.Attach(ctx, process.ID())
	if err != nil {
		t.Fatal(err)
	}
	if line, err := found.WaitForLog(ctx, "hello"); err != nil || line != "hello" {
		t.Errorf("%q %v", line, err)
	}
	if err := other.Process.SpawnedFrom(process.Info()).Release(ctx); err != nil {
		t.Error(err)
	}
	if _, err := sandbox.Process.GetSpawned(ctx, process.ID()); !errors.Is(err, sdkerrors.ErrProcessNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := process.Stdout(ctx); !errors.Is(err, sdkerrors.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := process.Release(ctx); err != nil {
		t.Errorf("releasing twice: %v", err)
	}
}

func TestAReaderThatDoesNotReadHoldsNobodyUpAndLosesNothing(t *testing.T) {
	sandbox := newSandbox(t)
	process := spawn(t, sandbox, "seq 1 3000000; echo done >&2")
	slow, err := process.Stdout(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	// The others go on.
	if code, err := process.Wait(ctx); err != nil || code != 0 {
		t.Fatalf("%d %v", code, err)
	}
	var readers sync.WaitGroup
	for i := 0; i < 2; i++ {
		readers.Add(1)
		go func() {
			defer readers.Done()
			output, err := process.Stdout(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer output.Close()
			n, err := io.Copy(io.Discard, output)
			if err != nil || n != 22_888_896 {
				t.Errorf("%d bytes, %v", n, err)
			}
		}()
	}
	readers.Wait()
	if n, err := io.Copy(io.Discard, slow); err != nil || n != 22_888_896 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestClosingAReaderReleasesIt(t *testing.T) {
	sandbox := newSandbox(t)
	process := spawn(t, sandbox, "sleep 1000")
	output, err := process.Stdout(ctx)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := output.Read(make([]byte, 1))
		failed <- err
	}()
	output.Close()
	if err := <-failed; !errors.Is(err, sdkerrors.ErrClosed) {
		t.Errorf("%v", err)
	}
	cancellable, cancel := context.WithCancel(ctx)
	output, err = process.Stdout(cancellable)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cancel()
	if _, err := output.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	eventually(t, "the end of the streams", func() bool { return daytona.DebugStats().Streams == 0 })
}

func TestWaitsEndWhenThePortListensAndWhenTheLineIsThere(t *testing.T) {
	sandbox := newSandbox(t)
	server := spawn(t, sandbox, "sleep 0.2; exec python3 -um http.server --bind 127.0.0.1 8123")
	if err := sandbox.Process.WaitForPort(ctx, 8123, options.WithWaitTimeout(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if line, err := server.WaitForLog(ctx, "port 8123 (", options.WithLogTimeout(2*time.Minute)); err != nil || !strings.Contains(line, "8123") {
		t.Errorf("%q %v", line, err)
	}
	if err := sandbox.Process.WaitForPort(ctx, 8124, options.WithWaitTimeout(50*time.Millisecond)); !errors.Is(err, sdkerrors.ErrTimeout) {
		t.Errorf("%v", err)
	}
	if err := sandbox.Process.WaitForPort(ctx, 0); !errors.Is(err, sdkerrors.ErrInvalidArgument) {
		t.Errorf("%v", err)
	}
	if err := sandbox.Process.CreateSession(ctx, "s"); err != nil {
		t.Fatal(err)
	}
	command, err := sandbox.Process.ExecuteSessionCommandTyped(ctx, "s", "sleep 0.1; echo up", options.WithRunAsync(true))
	if err != nil {
		t.Fatal(err)
	}
	if line, err := sandbox.Process.WaitForLog(ctx, "s", command.CmdID, "u"); err != nil || line != "up" {
		t.Errorf("%q %v", line, err)
	}
	if _, err := sandbox.Process.WaitForLog(ctx, "s", command.CmdID, "down"); !errors.Is(err, sdkerrors.ErrCommandAlreadyCompleted) {
		t.Errorf("%v", err)
	}
}
