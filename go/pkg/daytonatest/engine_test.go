package daytonatest_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytonatest"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

var ctx = context.Background()

// As a child it is the program whose end an engine notices.
func TestMain(m *testing.M) {
	if os.Getenv("DAYTONATEST_CHILD") != "" {
		if _, err := daytonatest.New(); err != nil {
			panic(err)
		}
		os.Stdout.WriteString("ready\n")
		select {}
	}
	os.Exit(m.Run())
}

func ptr[T any](value T) *T { return &value }

// region: agent
func TestAnIdleSandboxStops(t *testing.T) {
	engine := daytonatest.Start(t)
	engine.Setenv(t) // what the program under test connects to
	client := engine.Client(t)
	sandbox, err := client.Create(ctx, types.SnapshotParams{
		SandboxBaseParams: types.SandboxBaseParams{AutoStopInterval: ptr(15)},
	})
	if err != nil {
		t.Fatal(err)
	}
	engine.Advance(t, 15*time.Minute)
	if err := sandbox.Refresh(ctx); err != nil || sandbox.State != types.SandboxStateStopped {
		t.Errorf("state %s, %v", sandbox.State, err)
	}
}

func TestALostAnswer(t *testing.T) {
	engine := daytonatest.Start(t)
	sandbox, err := engine.Client(t).Create(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	engine.AddFaults(t, daytonatest.Rule{Path: "/process/execute", Do: daytonatest.Fault{Drop: "after"}})
	if _, err := sandbox.Process.ExecuteCommand(ctx, "make deploy"); err == nil {
		t.Error("the answer came")
	}
}

// endregion

func TestADayOfTimersTakesAMoment(t *testing.T) {
	engine := daytonatest.Start(t)
	client := engine.Client(t)
	sandbox, err := client.Create(ctx, types.SnapshotParams{SandboxBaseParams: types.SandboxBaseParams{
		AutoStopInterval: ptr(15), AutoDeleteInterval: ptr(30),
	}})
	if err != nil {
		t.Fatal(err)
	}
	begun := engine.Now(t)
	if done := engine.Advance(t, 14*time.Minute); len(done) != 0 {
		t.Fatalf("too early: %v", done)
	}
	var done []string
	for _, each := range engine.Advance(t, 24*time.Hour) {
		done = append(done, each.Action)
		if each.SandboxID != sandbox.ID || each.At.Before(begun.Add(14*time.Minute)) {
			t.Errorf("unexpected: %v", each)
		}
	}
	if got := strings.Join(done, " "); got != "stop delete" {
		t.Errorf("done: %s", got)
	}
	if _, err := client.Get(ctx, sandbox.ID); !errors.Is(err, sdkerrors.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestFaultsHappenAsAskedUntilReset(t *testing.T) {
	engine := daytonatest.Start(t)
	engine.Setenv(t)
	client, err := daytona.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(ctx)
	sandbox, err := client.Create(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	engine.AddFaults(t, daytonatest.Rule{Path: "/process/execute", Do: daytonatest.Fault{Drop: "after"}})
	if _, err := sandbox.Process.ExecuteCommand(ctx, "touch /tmp/ran"); err == nil {
		t.Error("the lost answer was found")
	}
	if result, err := sandbox.Process.ExecuteCommand(ctx, "test -e /tmp/ran"); err != nil || result.ExitCode != 0 {
		t.Errorf("it did not run: %v %v", result, err)
	}
	refused := &daytonatest.Answer{Status: 429, Headers: map[string]string{"Retry-After": "3600"}}
	engine.AddFaults(t, daytonatest.Rule{
		Path: "/sandbox/" + sandbox.ID, Times: daytonatest.All, Do: daytonatest.Fault{Answer: refused},
	})
	if err := sandbox.RefreshData(ctx); !errors.Is(err, sdkerrors.ErrRateLimit) {
		t.Errorf("not refused: %v", err)
	}
	if left := engine.Faults(t); len(left) != 1 || left[0].Times != daytonatest.All {
		t.Errorf("left: %v", left)
	}
	seeded := engine.Seed(t, map[string]any{"name": "old", "state": "stopped"})
	if seeded[0]["state"] != "stopped" {
		t.Errorf("seeded: %v", seeded)
	}
	engine.Reset(t)
	if _, err := client.Get(ctx, "old"); !errors.Is(err, sdkerrors.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
	if left := engine.Faults(t); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAnEngineEndsWithItsProcessHoweverThatEnds(t *testing.T) {
	place := t.TempDir()
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), "DAYTONATEST_CHILD=1", "DAYTONA_LOCAL_STATE_DIR="+place)
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(line, err)
	}
	_ = program.Process.Kill()
	_ = program.Wait()
	for giveUp := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		left, err := os.ReadDir(filepath.Join(place, "tests"))
		if err == nil && len(left) == 0 {
			return
		}
		if time.Now().After(giveUp) {
			t.Fatalf("the engine is still there: %v %v", left, err)
		}
	}
}

func TestARecordingIsAnsweredAgain(t *testing.T) {
	life := func(engine *daytonatest.Engine) string {
		sandbox, err := engine.Client(t).Create(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := sandbox.Process.ExecuteCommand(ctx, "date +%N")
		if err != nil {
			t.Fatal(err)
		}
		if err := sandbox.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		return answer.Result
	}
	engine := daytonatest.Start(t)
	engine.StartRecording(t)
	told := life(engine)
	recording := engine.StopRecording(t)
	if page := engine.RecordingPage(t, recording); !strings.Contains(page, "date +%N") {
		t.Error(page)
	}
	file := filepath.Join(t.TempDir(), "life.jsonl")
	if err := os.WriteFile(file, []byte(recording), 0o600); err != nil {
		t.Fatal(err)
	}
	again := daytonatest.Start(t, daytonatest.Options{Arguments: []string{"--replay", file}})
	if found := life(again); found != told {
		t.Errorf("%q, recorded was %q", found, told)
	}
}

func TestAnEngineThatCannotStartSaysWhy(t *testing.T) {
	for wanted, options := range map[string]daytonatest.Options{
		"isolation": {Arguments: []string{"--isolation", "magic"}},
		"/nowhere":  {Binary: "/nowhere"},
	} {
		if _, err := daytonatest.New(options); err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%s: %v", wanted, err)
		}
	}
}
