package stress

import (
	"context"
	"errors"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
)

const processes = 500

// ownSandbox is a sandbox without what other tests leave: programs that end do not release their processes.
func ownSandbox(t *testing.T) *daytona.Sandbox {
	t.Helper()
	own, err := client.Create(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Delete(ctx); err != nil {
			t.Error(err)
		}
	})
	return own
}

func TestAStormOfProcessesReleasedEarlyLeavesNothing(t *testing.T) {
	sandbox := ownSandbox(t)
	goroutines := runtime.NumGoroutine()
	times(processes, func(random *rand.Rand) {
		process, err := sandbox.Process.Spawn(ctx, "while :; do echo $$; echo $$ >&2; sleep 0.01; done")
		if err != nil {
			t.Error(err)
			return
		}
		defer func() {
			if err := process.Close(); err != nil {
				t.Error(err)
			}
		}()
		cancellable, cancel := context.WithCancel(ctx)
		defer cancel()
		output, err := process.Stdout(cancellable)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := io.CopyN(io.Discard, output, 1+random.Int63n(20)); err != nil {
			t.Error(err)
		}
		// A reader that is closed while it reads, or left to its context.
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, output)
		}()
		if random.Intn(2) == 0 {
			cancel()
		}
		output.Close()
		<-read
	})
	nothingLeft(t, goroutines)
	noProcesses(t, sandbox)
}

func TestAStormOfSpawnsGivenUpLeavesNothing(t *testing.T) {
	sandbox := ownSandbox(t)
	goroutines := runtime.NumGoroutine()
	times(processes, func(random *rand.Rand) {
		cancellable, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(time.Duration(random.Intn(300_000))*time.Microsecond, cancel)
		defer timer.Stop()
		defer cancel()
		process, err := sandbox.Process.Spawn(cancellable, "sleep 60")
		if err == nil {
			err = process.Close()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%T %v", err, err)
		}
	})
	nothingLeft(t, goroutines)
	noProcesses(t, sandbox)
}

// noProcesses waits until nothing that was spawned is left in the sandbox.
func noProcesses(t *testing.T, sandbox *daytona.Sandbox) {
	t.Helper()
	eventually(t, "the end of the processes", func() bool {
		sessions, err := sandbox.Process.ListSessionsTyped(ctx)
		if err != nil {
			return false
		}
		for _, session := range sessions {
			if strings.HasPrefix(session.SessionID, "process-") {
				return false
			}
		}
		left, err := sandbox.Process.ExecuteCommand(ctx, "grep -la DAYTONA_PROCESS_ID= /proc/[0-9]*/environ 2>/dev/null | wc -l")
		return err == nil && left.Result == "0\n"
	})
}

func TestAStormOfDirectoriesGivenUpLeavesNothing(t *testing.T) {
	local := t.TempDir()
	for i := 0; i < 200; i++ {
		if err := os.WriteFile(filepath.Join(local, strconv.Itoa(i)), make([]byte, 10_000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goroutines := runtime.NumGoroutine()
	target := t.TempDir()
	times(200, func(random *rand.Rand) {
		name := strconv.FormatInt(random.Int63(), 36)
		cancellable, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(time.Duration(random.Intn(300))*time.Millisecond, cancel)
		defer timer.Stop()
		defer cancel()
		_, err := sandbox.Fs.UploadDir(cancellable, local, "storm/"+name)
		if err == nil {
			_, err = sandbox.Fs.DownloadDir(cancellable, "storm/"+name, filepath.Join(target, name))
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%T %v", err, err)
		}
	})
	nothingLeft(t, goroutines)
	// What is there is whole, and nothing else is there.
	t.Cleanup(func() {
		if left, err := sandbox.Process.ExecuteCommand(ctx, "ls -lA /tmp storm; ps -ef"); t.Failed() && err == nil {
			t.Log(left.Result)
		}
	})
	eventually(t, "the end of the archives", func() bool {
		left, err := sandbox.Process.ExecuteCommand(ctx,
			`mkdir -p storm; ls -A /tmp | grep -c daytona; for d in $(ls -A storm); do [ "$(ls -A "storm/$d" | wc -l)" = 200 ] || echo "$d"; done`)
		return err == nil && left.Result == "0\n"
	})
	whole, err := os.ReadDir(target)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range whole {
		files, err := os.ReadDir(filepath.Join(target, entry.Name()))
		if err != nil || len(files) != 200 {
			t.Errorf("%s has %d files, %v", entry.Name(), len(files), err)
		}
	}
}
