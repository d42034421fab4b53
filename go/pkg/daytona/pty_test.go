package daytona_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func TestATerminalIsDrivenThroughItsChannel(t *testing.T) {
	sandbox := newSandbox(t)
	handle, err := sandbox.Process.CreatePty(ctx, "t", nil, options.WithCreatePtySize(types.PtySize{Rows: 10, Cols: 40}),
		options.WithCreatePtyCwd("/tmp"), options.WithCreatePtyEnv(map[string]string{"A": "b"}))
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Disconnect()
	if err := handle.WaitForConnection(ctx); err != nil || !handle.IsConnected() || handle.ExitCode() != nil || handle.SessionID() != "t" {
		t.Errorf("%v", err)
	}
	info, err := handle.Resize(ctx, 100, 30)
	if err != nil || info.Cols != 100 || info.Rows != 30 || info.Id != "t" {
		t.Fatalf("%+v %v", info, err)
	}
	if err := handle.SendInput([]byte("echo \"$(stty size) $PWD $A\"; exit 7\n")); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	for piece := range handle.DataChan() {
		output.Write(piece)
	}
	result, err := handle.Wait(ctx)
	if err != nil || *result.ExitCode != 7 || *handle.ExitCode() != 7 || handle.IsConnected() {
		t.Errorf("%+v %v", result, err)
	}
	if !strings.Contains(output.String(), "30 100 /tmp b") {
		t.Errorf("%q", output.String())
	}
}

func TestATerminalIsAReaderAndAWriter(t *testing.T) {
	sandbox := newSandbox(t)
	handle, err := sandbox.Process.CreatePty(ctx, "rw")
	if err != nil {
		t.Fatal(err)
	}
	var terminal io.ReadWriteCloser = handle
	defer terminal.Close()
	if _, err := io.WriteString(terminal, "seq 1 20000; exit\n"); err != nil {
		t.Fatal(err)
	}
	output, err := io.ReadAll(terminal)
	if err != nil || !bytes.Contains(output, []byte("\n20000\r\n")) {
		t.Errorf("%d bytes, %v", len(output), err)
	}
	if _, err := terminal.Write([]byte("x")); !errors.Is(err, sdkerrors.ErrClosed) {
		t.Errorf("writing after the end: %v", err)
	}
}

func TestWaitingForATerminalNeedsNoReader(t *testing.T) {
	sandbox := newSandbox(t)
	handle, err := sandbox.Process.CreatePty(ctx, "unread")
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Disconnect()
	if err := handle.SendInput([]byte("seq 1 500000; exit 5\n")); err != nil {
		t.Fatal(err)
	}
	if result, err := handle.Wait(ctx); err != nil || *result.ExitCode != 5 {
		t.Errorf("%+v %v", result, err)
	}
}

func TestDisconnectingReleasesTheReaderAndKeepsTheSession(t *testing.T) {
	sandbox := newSandbox(t)
	if _, err := sandbox.Process.CreatePtySession(ctx, "kept", options.WithPtySize(types.PtySize{Rows: 5, Cols: 6})); err != nil {
		t.Fatal(err)
	}
	handle, err := sandbox.Process.ConnectPty(ctx, "kept")
	if err != nil {
		t.Fatal(err)
	}
	channel := handle.DataChan()
	handle.Disconnect()
	for range channel {
	}
	eventually(t, "the end of the connection", func() bool { return !handle.IsConnected() })
	if _, err := handle.Wait(ctx); !errors.Is(err, sdkerrors.ErrClosed) {
		t.Errorf("%v", err)
	}
	sessions, err := sandbox.Process.ListPtySessions(ctx)
	if err != nil || len(sessions) != 1 || sessions[0].ID != "kept" || sessions[0].Rows != 5 {
		t.Errorf("%+v %v", sessions, err)
	}
	if err := sandbox.Process.KillPtySession(ctx, "kept"); err != nil {
		t.Error(err)
	}
}

func TestAKilledTerminalEnds(t *testing.T) {
	sandbox := newSandbox(t)
	handle, err := sandbox.Process.CreatePty(ctx, "killed")
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Disconnect()
	if err := handle.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	// How the connection ends is the server's choice; that it does is the promise.
	_, _ = handle.Wait(ctx)
	if handle.IsConnected() {
		t.Error("still connected")
	}
	if _, err := sandbox.Process.GetPtySessionInfo(ctx, "killed"); !errors.Is(err, sdkerrors.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestForgottenHandlesAreClosedByTheGarbageCollector(t *testing.T) {
	sandbox := newSandbox(t)
	sh(t, sandbox, "head -c 5000000 /dev/zero > big")
	for i := 0; i < 3; i++ {
		if _, err := sandbox.Process.CreatePty(ctx, string(rune('a'+i))); err != nil {
			t.Fatal(err)
		}
		if _, err := sandbox.FileSystem.DownloadFileStream(ctx, "big"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the end of the streams", func() bool {
		runtime.GC()
		return daytona.DebugStats().Streams == 0
	})
}
