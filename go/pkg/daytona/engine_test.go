package daytona_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
)

var ctx = context.Background()

// Without another wish, the tests run on the local engine.
func TestMain(m *testing.M) {
	if os.Getenv("DAYTONA_API_URL") == "" {
		os.Setenv("DAYTONA_API_URL", "local")
	}
	os.Exit(m.Run())
}

func engineClient(t *testing.T) *daytona.Client {
	t.Helper()
	client, err := daytona.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(ctx) })
	return client
}

// newSandbox is a sandbox for one test.
func newSandbox(t *testing.T) *daytona.Sandbox {
	t.Helper()
	client := engineClient(t)
	sandbox, err := client.Create(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sandbox.Delete(ctx); err != nil {
			t.Error(err)
		}
	})
	return sandbox
}

// sh runs a command that must succeed and returns its output.
func sh(t *testing.T, sandbox *daytona.Sandbox, command string) string {
	t.Helper()
	result, err := sandbox.Process.ExecuteCommand(ctx, command)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if result.ExitCode != 0 {
		t.Fatalf("%s: exit code %d: %s", command, result.ExitCode, result.Result)
	}
	return result.Result
}

// eventually waits for something another thread or process is about to do.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for giveUp := time.Now().Add(2 * time.Minute); !met(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(giveUp) {
			t.Fatalf("%s does not happen", what)
		}
	}
}

// silentServer accepts connections and never answers: a network that is down behind an open port.
func silentServer(t testing.TB) (config *daytona.Config, accepted *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	accepted = new(atomic.Int64)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			t.Cleanup(func() { connection.Close() })
		}
	}()
	return &daytona.Config{APIKey: "key", APIURL: "http://" + listener.Addr().String()}, accepted
}

// threads is the number of this process' threads.
func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	var count int
	for _, line := range strings.Split(string(status), "\n") {
		if n, _ := fmt.Sscanf(line, "Threads: %d", &count); n == 1 {
			return count
		}
	}
	t.Fatal("the process has no number of threads")
	return 0
}
