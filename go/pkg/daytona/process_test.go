package daytona_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func TestCancellingACallStopsItsCommand(t *testing.T) {
	tests := []struct {
		name string
		run  func(ctx context.Context, sandbox *daytona.Sandbox) error
	}{
		{"command", func(ctx context.Context, sandbox *daytona.Sandbox) error {
			_, err := sandbox.Process.ExecuteCommand(ctx, "while :; do echo >>ticks; sleep 0.02; done")
			return err
		}},
		{"program", func(ctx context.Context, sandbox *daytona.Sandbox) error {
			_, err := sandbox.Process.CodeRun(ctx, "import os\nos.system('while :; do echo >>ticks; sleep 0.02; done')")
			return err
		}},
		{"interpreter", func(ctx context.Context, sandbox *daytona.Sandbox) error {
			channels, err := sandbox.CodeInterpreter.RunCode(ctx,
				"import time\nwhile True:\n  print(file=open('ticks', 'a'))\n  time.sleep(0.02)")
			if err != nil {
				return err
			}
			_, err = channels.Wait()
			return err
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sandbox := newSandbox(t)
			cancellable, cancel := context.WithCancel(ctx)
			defer cancel()
			failed := make(chan error, 1)
			go func() { failed <- test.run(cancellable, sandbox) }()
			eventually(t, "the command's begin", func() bool {
				_, err := sandbox.FileSystem.GetFileInfo(ctx, "ticks")
				return err == nil
			})
			cancel()
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Errorf("%T %v", err, err)
			}
			eventually(t, "the end of the command", func() bool {
				sizes := strings.Fields(sh(t, sandbox, "stat -c %s ticks; sleep 0.5; stat -c %s ticks"))
				return sizes[0] == sizes[1]
			})
		})
	}
}

func TestADeadlineEndsACommand(t *testing.T) {
	sandbox := newSandbox(t)
	limited, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err := sandbox.Process.ExecuteCommand(limited, "sleep 30")
	var timeout *sdkerrors.DaytonaTimeoutError
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) {
		t.Errorf("%T %v", err, err)
	}
	_, err = sandbox.Process.ExecuteCommand(ctx, "sleep 30", options.WithExecuteTimeout(time.Second))
	if !errors.As(err, &timeout) || !errors.Is(err, sdkerrors.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%T %v", err, err)
	}
}

func TestACommandHasItsDirectoryAndEnvironment(t *testing.T) {
	sandbox := newSandbox(t)
	result, err := sandbox.Process.ExecuteCommand(ctx, `echo "$PWD $A"; exit 3`, nil, options.WithCwd("/tmp"),
		options.WithCommandEnv(map[string]string{"A": "b"}))
	if err != nil || result.ExitCode != 3 || result.Result != "/tmp b\n" {
		t.Errorf("%+v %v", result, err)
	}
}

func TestAProgramReturnsItsCharts(t *testing.T) {
	sandbox := newSandbox(t)
	result, err := sandbox.Process.CodeRun(ctx, "", options.WithCodeRunParams(types.CodeRunParams{Code: `
import json
print("before")
print("dtn_artifact_k39fd2:" + json.dumps({"type": "chart", "value": {"type": "pie", "title": "T", "png": "aGk=",
      "elements": [{"label": "a", "angle": 90, "radius": 1}]}}))`}))
	if err != nil || result.ExitCode != 0 || len(result.Artifacts.Charts) != 1 {
		t.Fatalf("%+v %v", result, err)
	}
	chart := result.Artifacts.Charts[0]
	slices, ok := chart.Elements.([]types.PieData)
	if chart.Type != types.ChartTypePie || chart.Title != "T" || !ok || slices[0].Angle != 90 || result.Artifacts.Stdout != "before\n" {
		t.Errorf("%+v %q", chart, result.Artifacts.Stdout)
	}
	if picture, err := base64.StdEncoding.DecodeString(*chart.PNG); err != nil || string(picture) != "hi" {
		t.Errorf("%q %v", picture, err)
	}
}

func TestTheLanguageOfAProgramCanBeChosen(t *testing.T) {
	sandbox := newSandbox(t)
	tests := []struct {
		code    string
		options []func(*options.CodeRun)
	}{
		{"print(6 * 7)", nil},
		{"console.log(6 * 7)", []func(*options.CodeRun){options.WithCodeRunLanguage(types.CodeLanguageJavaScript)}},
		{"console.log(6 * 7)", []func(*options.CodeRun){options.WithCodeRunParams(types.CodeRunParams{Language: "javascript"})}},
	}
	for _, test := range tests {
		if result, err := sandbox.Process.CodeRun(ctx, test.code, test.options...); err != nil || result.Result != "42\n" {
			t.Errorf("%s: %+v %v", test.code, result, err)
		}
	}
}

func TestSessionsAnswerAsMapsAndAsStructs(t *testing.T) {
	sandbox := newSandbox(t)
	process := sandbox.Process
	if err := process.CreateSession(ctx, "s"); err != nil {
		t.Fatal(err)
	}
	result, err := process.ExecuteSessionCommand(ctx, "s", "cd /tmp; X=1; echo out; echo err >&2; (exit 4)", false)
	if err != nil || result["id"].(string) != result["cmdId"].(string) || result["exitCode"].(int) != 4 ||
		result["stdout"].(string) != "out\n" || result["stderr"].(string) != "err\n" {
		t.Fatalf("%v %v", result, err)
	}
	typed, err := process.ExecuteSessionCommandTyped(ctx, "s", `echo "$PWD $X"`)
	if err != nil || *typed.ExitCode != 0 || *typed.Stdout != "/tmp 1\n" {
		t.Fatalf("%+v %v", typed, err)
	}
	session, err := process.GetSession(ctx, "s")
	if err != nil || session["sessionId"] != "s" || session["commands"].([]map[string]any)[0]["exitCode"].(int) != 4 {
		t.Errorf("%v %v", session, err)
	}
	status, err := process.GetSessionCommand(ctx, "s", result["id"].(string))
	if err != nil || status["exitCode"] != 4 {
		t.Errorf("%v %v", status, err)
	}
	sessions, err := process.ListSessions(ctx)
	if err != nil || len(sessions) != 1 {
		t.Errorf("%v %v", sessions, err)
	}
	running, err := process.ExecuteSessionCommand(ctx, "s", "read line; echo got $line", true, true)
	if err != nil || running["exitCode"] != nil {
		t.Fatalf("%v %v", running, err)
	}
	stdout := make(chan string, 1)
	streamed := make(chan error, 1)
	go func() {
		streamed <- process.GetSessionCommandLogsStream(ctx, "s", running["cmdId"].(string), stdout, nil)
	}()
	if err := process.SendSessionCommandInput(ctx, "s", running["cmdId"].(string), "this"); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for piece := range stdout {
		text.WriteString(piece)
	}
	if err := <-streamed; err != nil || text.String() != "got this\n" {
		t.Errorf("%q %v", text.String(), err)
	}
}

func TestLogsArriveWhileTheCommandRunsAndInWholeCharacters(t *testing.T) {
	sandbox := newSandbox(t)
	if err := sandbox.Process.CreateSession(ctx, "live"); err != nil {
		t.Fatal(err)
	}
	// The second byte of the character comes only when the first line has been seen.
	command, err := sandbox.Process.ExecuteSessionCommandTyped(ctx, "live",
		`echo first; printf '\303'; while [ ! -e go ]; do sleep 0.01; done; printf '\244\n'; echo problem >&2`, options.WithRunAsync(true))
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, ended := make(chan string), make(chan string), make(chan error, 1)
	go func() {
		ended <- sandbox.Process.GetSessionCommandLogsStream(ctx, "live", command.CmdID, stdout, stderr)
	}()
	text := <-stdout
	if !strings.HasPrefix(text, "first\n") || strings.ContainsRune(text, '\uFFFD') {
		t.Errorf("%q", text)
	}
	sh(t, sandbox, "touch go")
	var problem strings.Builder
	for stdout != nil || stderr != nil {
		select {
		case piece, more := <-stdout:
			text += piece
			if !more {
				stdout = nil
			}
		case piece, more := <-stderr:
			problem.WriteString(piece)
			if !more {
				stderr = nil
			}
		}
	}
	if err := <-ended; err != nil || text != "first\nä\n" || problem.String() != "problem\n" {
		t.Errorf("%q %q %v", text, problem.String(), err)
	}
}

func TestALogThatNobodyReadsEndsWithItsContext(t *testing.T) {
	sandbox := newSandbox(t)
	if err := sandbox.Process.CreateSession(ctx, "unread"); err != nil {
		t.Fatal(err)
	}
	command, err := sandbox.Process.ExecuteSessionCommandTyped(ctx, "unread", "yes", options.WithRunAsync(true))
	if err != nil {
		t.Fatal(err)
	}
	cancellable, cancel := context.WithCancel(ctx)
	stdout, ended := make(chan string), make(chan error, 1)
	go func() {
		ended <- sandbox.Process.GetSessionCommandLogsStream(cancellable, "unread", command.CmdID, stdout, nil)
	}()
	<-stdout
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	logs, err := sandbox.Process.StreamSessionCommandLogs(ctx, "unread", command.CmdID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := logs.Next(); err != nil {
		t.Fatal(err)
	}
	logs.Close()
	for err == nil {
		_, err = logs.Next()
	}
	if err == io.EOF || !errors.Is(err, sdkerrors.ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
	eventually(t, "the end of the streams", func() bool { return daytona.DebugStats().Streams == 0 })
}

func TestAnswersArriveHoweverBigAndLate(t *testing.T) {
	sandbox := newSandbox(t)
	var all sync.WaitGroup
	for i := 0; i < 4; i++ {
		for _, size := range []int{1, 60_000, 70_000, 300_000} {
			for _, pause := range []string{"0", "0.002", "0.02"} {
				all.Add(1)
				go func(size int, pause string) {
					defer all.Done()
					command := fmt.Sprintf("sleep %s; head -c %d /dev/zero | tr '\\0' x", pause, size)
					result, err := sandbox.Process.ExecuteCommand(ctx, command)
					if err != nil || len(result.Result) != size {
						t.Errorf("%s: %v", command, err)
					}
				}(size, pause)
			}
		}
		// One after the other, too.
		if result, err := sandbox.Process.ExecuteCommand(ctx, "echo x"); err != nil || result.Result != "x\n" {
			t.Errorf("%+v %v", result, err)
		}
	}
	all.Wait()
}
