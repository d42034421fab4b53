// Package stress ends programs and calls in every way, many times. It needs an engine: DAYTONA_API_URL=local with
// DAYTONA_LOCAL_BINARY and DAYTONA_LOCAL_STATE_DIR.
package stress

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
)

var (
	ctx     = context.Background()
	client  *daytona.Client
	sandbox *daytona.Sandbox
)

func TestMain(m *testing.M) {
	if way := os.Getenv("STRESS_EXIT"); way != "" {
		exit(way, os.Getenv("STRESS_SANDBOX"))
		return
	}
	// Programs inherit what is ignored (of a shell's background jobs: the interrupt), but not what is taken.
	if signal.Ignored(os.Interrupt) {
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if client, err = daytona.NewClient(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer client.Close(ctx)
	if sandbox, err = client.Create(ctx, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer sandbox.Delete(ctx)
	return m.Run()
}

// eventually waits for something another thread or process is about to do.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for giveUp := time.Now().Add(2 * time.Minute); !met(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(giveUp) {
			t.Fatalf("%s does not happen: %+v", what, daytona.DebugStats())
		}
	}
}
