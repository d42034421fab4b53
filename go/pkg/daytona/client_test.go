package daytona_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func TestTwoThousandWaitsHoldFewThreads(t *testing.T) {
	const waits = 2000
	config, accepted := silentServer(t)
	client, err := daytona.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(ctx)
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	failures := make(chan error, waits)
	for i := 0; i < waits; i++ {
		go func() {
			_, err := client.Get(waiting, "any")
			failures <- err
		}()
	}
	eventually(t, "all calls on their way", func() bool { return accepted.Load() >= waits })
	if count := threads(t); count > 40 {
		t.Errorf("%d threads for %d waits", count, waits)
	}
	cancel()
	for i := 0; i < waits; i++ {
		if err := <-failures; !errors.Is(err, context.Canceled) || !errors.Is(err, sdkerrors.ErrCancelled) {
			t.Fatalf("%T %v", err, err)
		}
	}
	eventually(t, "the end of all calls", func() bool { return daytona.DebugStats().Calls == 0 })
}

func TestADeadlineEndsACallThatIsNotAnswered(t *testing.T) {
	config, _ := silentServer(t)
	client, err := daytona.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(ctx)
	limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = client.Get(limited, "any")
	var timeout *sdkerrors.DaytonaTimeoutError
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !errors.Is(err, sdkerrors.ErrTimeout) {
		t.Errorf("%T %v", err, err)
	}
	if _, err = client.Get(limited, "any"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call after the deadline: %v", err)
	}
}

func TestAClosedClientRefusesCalls(t *testing.T) {
	sandbox := newSandbox(t)
	client := engineClient(t)
	mine, err := client.Get(ctx, sandbox.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 2; i++ {
		if err := client.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	_, err = mine.Process.ExecuteCommand(ctx, "true")
	var closed *sdkerrors.DaytonaClosedError
	if !errors.As(err, &closed) {
		t.Errorf("%T %v", err, err)
	}
}

func TestAConfigurationThatCannotBeUsedIsRefused(t *testing.T) {
	t.Setenv("DAYTONA_API_KEY", "")
	t.Setenv("DAYTONA_JWT_TOKEN", "")
	tests := []struct {
		name   string
		config types.DaytonaConfig
		kind   error
	}{
		{"no credentials", types.DaytonaConfig{APIUrl: "https://example.com"}, sdkerrors.ErrAuthentication},
		{"token without organization", types.DaytonaConfig{APIUrl: "https://example.com", JWTToken: "x"}, sdkerrors.ErrAuthentication},
		{"no URL", types.DaytonaConfig{APIUrl: "nowhere", APIKey: "x"}, sdkerrors.ErrInvalidArgument},
		{"a line break in the key", types.DaytonaConfig{APIUrl: "https://example.com", APIKey: "secret\n"}, sdkerrors.ErrInvalidArgument},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := test.config
			client, err := daytona.NewClientWithConfig(&config)
			if client != nil || !errors.Is(err, test.kind) || strings.Contains(fmt.Sprintf("%+v", err), "secret") {
				t.Errorf("%T %v", err, err)
			}
		})
	}
}

func TestAPrintedClientHidesItsCredentials(t *testing.T) {
	config := &daytona.Config{APIKey: "secret", APIURL: "https://example.com"}
	client, err := daytona.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(ctx)
	if text := fmt.Sprintf("%+v %#v %+v %#v", client, client, config, *config); strings.Contains(text, "secret") {
		t.Error(text)
	}
}

func TestParamsAreOfAKnownType(t *testing.T) {
	client := engineClient(t)
	for _, params := range []any{"snapshot", 7, types.ImageParams{Image: 7}, map[string]any{}} {
		if _, err := client.Create(ctx, params); !errors.Is(err, sdkerrors.ErrInvalidArgument) {
			t.Errorf("%T: %v", params, err)
		}
	}
}

func TestASandboxGoesThroughItsLife(t *testing.T) {
	client := engineClient(t)
	label := fmt.Sprintf("life-%d", time.Now().UnixNano())
	sandbox, err := client.Create(ctx, &types.SnapshotParams{SandboxBaseParams: types.SandboxBaseParams{
		Name: label, CodeLanguage: types.CodeLanguageTypeScript, EnvVars: map[string]string{"A": "1"},
		Labels: map[string]string{"life": label}, AutoStopInterval: daytona.Ptr(30),
	}}, options.WithTimeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Delete(ctx, sandbox, nil)
	if sandbox.State != daytona.SandboxStateStarted || sandbox.AutoStopInterval != 30 || sandbox.Env["A"] != "1" || sandbox.Name != label {
		t.Errorf("%+v", sandbox)
	}
	if run, err := sandbox.Process.CodeRun(ctx, "const a: number = 6; console.log(a * 7)"); err != nil || run.Result != "42\n" {
		t.Errorf("%+v %v", run, err)
	}
	steps := []struct {
		name  string
		run   func() error
		state daytona.SandboxState
	}{
		{"stop", func() error { return sandbox.StopWithTimeout(ctx, time.Minute) }, daytona.SandboxStateStopped},
		{"start", func() error { return sandbox.StartWithTimeout(ctx, time.Minute) }, daytona.SandboxStateStarted},
		{"force stop", func() error { return sandbox.StopWithTimeout(ctx, time.Minute, true) }, daytona.SandboxStateStopped},
		{"start by the client", func() error { return client.Start(ctx, sandbox) }, daytona.SandboxStateStarted},
		{"wait", func() error { return sandbox.WaitForStart(ctx, time.Minute) }, daytona.SandboxStateStarted},
		{"refresh", func() error { return sandbox.RefreshData(ctx) }, daytona.SandboxStateStarted},
	}
	for _, step := range steps {
		if err := step.run(); err != nil || sandbox.State != step.state {
			t.Fatalf("%s: %s %v", step.name, sandbox.State, err)
		}
	}
	found, err := client.FindOne(ctx, nil, map[string]string{"life": label})
	if err != nil || found.ID != sandbox.ID {
		t.Errorf("%v %v", found, err)
	}
	if err := sandbox.SetAutoDeleteInterval(ctx, nil); err != nil || sandbox.AutoDeleteInterval >= 0 {
		t.Errorf("%d %v", sandbox.AutoDeleteInterval, err)
	}
}

func TestListsComeAsPagesAndAsIterators(t *testing.T) {
	client := engineClient(t)
	label := map[string]string{"list": fmt.Sprint(time.Now().UnixNano())}
	want := map[string]bool{}
	for i := 0; i < 3; i++ {
		sandbox, err := client.Create(ctx, types.SandboxBaseParams{Labels: label})
		if err != nil {
			t.Fatal(err)
		}
		defer sandbox.Delete(ctx)
		want[sandbox.ID] = true
	}
	page, err := client.ListPage(ctx, label, daytona.Ptr(1), daytona.Ptr(2))
	if err != nil || len(page.Items) != 2 || page.Total != 3 || page.Page != 1 || page.TotalPages != 2 {
		t.Fatalf("%+v %v", page, err)
	}
	query := &daytona.ListSandboxesQuery{Labels: label, Limit: daytona.Ptr(2)}
	seen := map[string]bool{}
	iterator := client.ListAll(ctx, query)
	for iterator.Next() {
		seen[iterator.Value().ID] = true
	}
	if iterator.Err() != nil || len(seen) != 3 {
		t.Errorf("%v %v", seen, iterator.Err())
	}
	count := 0
	client.ListSeq(ctx, query)(func(sandbox *daytona.Sandbox, err error) bool {
		if err != nil || !want[sandbox.ID] {
			t.Errorf("%v %v", sandbox, err)
		}
		count++
		return count < 2
	})
	if count != 2 {
		t.Errorf("%d items after leaving the loop at 2", count)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	broken := client.ListAll(ended, query)
	if broken.Next() || !errors.Is(broken.Err(), context.Canceled) {
		t.Errorf("%v", broken.Err())
	}
}

func TestManyGoroutinesShareASandbox(t *testing.T) {
	sandbox := newSandbox(t)
	var running sync.WaitGroup
	for i := 0; i < 40; i++ {
		running.Add(1)
		go func(i int) {
			defer running.Done()
			want := fmt.Sprintf("%d\n", i)
			result, err := sandbox.Process.ExecuteCommand(ctx, fmt.Sprintf("echo %d", i))
			if err != nil || result.Result != want {
				t.Errorf("%+v %v", result, err)
			}
		}(i)
	}
	running.Wait()
}
