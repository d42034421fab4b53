package daytona_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// creationChild is the variable that makes the test's program the one of the README, with this label.
const creationChild = "DAYTONA_TEST_CREATION"

func created(label string) types.SandboxBaseParams {
	return types.SandboxBaseParams{Labels: map[string]string{"creation": label}}
}

// left returns the sandboxes with the label that nobody is deleting.
func left(t *testing.T, client *daytona.Client, label string) (ids []string) {
	t.Helper()
	sandboxes := client.ListAll(ctx, &daytona.ListSandboxesQuery{Labels: map[string]string{"creation": label}})
	for sandboxes.Next() {
		if state := sandboxes.Value().State; state != daytona.SandboxStateDestroyed && state != daytona.SandboxStateDestroying {
			ids = append(ids, sandboxes.Value().ID)
		}
	}
	if sandboxes.Err() != nil {
		t.Error(sandboxes.Err())
	}
	return ids
}

func TestACreateWhoseContextEndsLeavesNothing(t *testing.T) {
	client := engineClient(t)
	label := fmt.Sprintf("given-up-%d", time.Now().UnixNano())
	var running sync.WaitGroup
	for i := 0; i < 12; i++ {
		running.Add(1)
		go func(limit time.Duration) {
			defer running.Done()
			limited, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			sandbox, err := client.Create(limited, created(label))
			if err == nil {
				// The result was faster than the end of the context, and is the caller's.
				err = sandbox.Delete(ctx)
			}
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}(time.Duration(i) * 25 * time.Millisecond)
	}
	running.Wait()
	if ids := left(t, client, label); len(ids) > 0 {
		t.Errorf("%v", ids)
	}
}

func TestTheReadmesProgramLeavesNothingWhenItIsInterrupted(t *testing.T) {
	if label := os.Getenv(creationChild); label != "" {
		if err := readme(label); err != nil {
			fmt.Println(err)
		}
		return
	}
	client := engineClient(t)
	for _, delay := range []time.Duration{0, 20 * time.Millisecond, 500 * time.Millisecond} {
		label := fmt.Sprintf("interrupted-%d", time.Now().UnixNano())
		command := exec.Command(os.Args[0], "-test.run", t.Name())
		command.Env = append(os.Environ(), creationChild+"="+label)
		output, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(output)
		lines.Scan()
		time.Sleep(delay)
		if err := command.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		said := lines.Text()
		for lines.Scan() {
			said += "\n" + lines.Text()
		}
		if err := command.Wait(); err != nil || !strings.Contains(said, "creating") || !strings.Contains(said, "cancelled") {
			t.Errorf("%v: %s", err, said)
		}
		if ids := left(t, client, label); len(ids) > 0 {
			t.Errorf("after %s: %v", delay, ids)
		}
	}
}

// readme is the program of the README, which runs until it is interrupted.
func readme(label string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	client, err := daytona.NewClient()
	if err != nil {
		return err
	}
	defer client.Close(ctx)

	fmt.Println("creating")
	sandbox, err := client.Create(ctx, created(label))
	if err != nil {
		return err
	}
	defer sandbox.Delete(context.WithoutCancel(ctx))

	_, err = sandbox.Process.ExecuteCommand(ctx, "sleep 60")
	return err
}
