package stress

import (
	"context"
	"errors"
	"io"
	"math/rand"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
)

const (
	storm   = 5000
	workers = 32
	// nativeThreads are the threads of the library; one that has called back once counts as a goroutine.
	nativeThreads = 4
)

// times runs work n times on some goroutines.
func times(n int, work func(random *rand.Rand)) {
	var running sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		running.Add(1)
		go func(seed int64) {
			defer running.Done()
			random := rand.New(rand.NewSource(seed))
			for i := 0; i < n/workers; i++ {
				work(random)
			}
		}(int64(worker))
	}
	running.Wait()
}

func TestAStormOfCancelledCallsLeavesNothing(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	times(storm, func(random *rand.Rand) {
		cancellable, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(time.Duration(random.Intn(8000))*time.Microsecond, cancel)
		defer timer.Stop()
		defer cancel()
		if _, err := sandbox.Process.ExecuteCommand(cancellable, "sleep 60"); !errors.Is(err, context.Canceled) {
			t.Errorf("%T %v", err, err)
		}
	})
	nothingLeft(t, goroutines)
	eventually(t, "the end of the commands", func() bool {
		left, err := sandbox.Process.ExecuteCommand(ctx, "ps -e -o args= | grep -cx 'sleep 60'")
		return err == nil && left.Result == "0\n"
	})
}

func TestAStormOfStreamsLeftEarlyLeavesNothing(t *testing.T) {
	if _, err := sandbox.Process.ExecuteCommand(ctx, "head -c 3000000 /dev/zero > zeros"); err != nil {
		t.Fatal(err)
	}
	goroutines := runtime.NumGoroutine()
	times(storm/10, func(random *rand.Rand) {
		cancellable, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := sandbox.FileSystem.DownloadFileStream(cancellable, "zeros")
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := io.CopyN(io.Discard, stream, random.Int63n(3000000)); err != nil {
			t.Error(err)
		}
		// Closing while a read is in flight, or leaving it to the cancelled context.
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, stream)
		}()
		if random.Intn(2) == 0 {
			cancel()
		}
		stream.Close()
		<-read
	})
	nothingLeft(t, goroutines)
}

func nothingLeft(t *testing.T, goroutines int) {
	t.Helper()
	eventually(t, "the end of all calls and streams", func() bool {
		return daytona.DebugStats() == daytona.Stats{Clients: 1} && runtime.NumGoroutine() <= goroutines+nativeThreads
	})
}

func TestManyClientsLeaveNothing(t *testing.T) {
	times(storm/10, func(*rand.Rand) {
		mine, err := daytona.NewClient()
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := mine.Get(ctx, sandbox.ID); err != nil {
			t.Error(err)
		}
		mine.Close(ctx)
	})
	if stats := daytona.DebugStats(); stats.Clients != 1 {
		t.Errorf("%+v", stats)
	}
}
