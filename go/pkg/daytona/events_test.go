package daytona_test

import (
	"context"
	"testing"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytonatest"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func TestChangesAreIteratedOver(t *testing.T) {
	client := daytonatest.Start(t).Client(t)
	sandbox, err := client.Create(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := sandbox.ID
	watching, cancel := context.WithCancel(ctx)
	acted := make(chan error)
	// Again and again: the iteration begins when it begins.
	go func() {
		var err error
		for err == nil && watching.Err() == nil {
			if err = sandbox.Stop(ctx); err == nil {
				err = sandbox.Start(ctx)
			}
		}
		acted <- err
	}()
	client.EventsSeq(watching, id)(func(event types.SandboxEvent, err error) bool {
		if err != nil || event.SandboxID != id {
			t.Errorf("unexpected: %v %v", event, err)
			return false
		}
		return event.State == nil || *event.State != types.SandboxStateStopped
	})
	sandbox.On(watching, types.SandboxStateStopped)(func(event types.SandboxEvent, err error) bool {
		if err != nil || event.SandboxID != id || *event.State != types.SandboxStateStopped || event.Cause == nil {
			t.Errorf("unexpected: %v %v", event, err)
		}
		return false
	})
	cancel()
	if err := <-acted; err != nil {
		t.Error(err)
	}
	// An iteration ends with its context.
	client.EventsSeq(watching, "")(func(_ types.SandboxEvent, err error) bool {
		if err == nil {
			t.Error("it goes on without its context")
		}
		return err == nil
	})
}

// Under the race detector: what a call needs of its handle is never written again.
func TestASandboxMayBeRefreshedWhileItWorks(t *testing.T) {
	sandbox := newSandbox(t)
	refreshed := make(chan error)
	go func() {
		for i := 0; i < 20; i++ {
			if err := sandbox.RefreshData(ctx); err != nil {
				refreshed <- err
				return
			}
		}
		refreshed <- nil
	}()
	for i := 0; i < 20; i++ {
		if _, err := sandbox.Process.ExecuteCommand(ctx, "true"); err != nil {
			t.Error(err)
		}
		if _, err := sandbox.GetMetricsLatest(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := <-refreshed; err != nil {
		t.Error(err)
	}
}
