package daytona_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

func TestARunSendsItsOutputWhileItRuns(t *testing.T) {
	sandbox := newSandbox(t)
	channels, err := sandbox.CodeInterpreter.RunCode(ctx, `
import os, sys, time
print("first", flush=True)
while not os.path.exists("go"): time.sleep(0.01)
print("second")
print("problem", file=sys.stderr)
raise ValueError("no")`)
	if err != nil {
		t.Fatal(err)
	}
	message := <-channels.Stdout
	if message.Type != "stdout" || !strings.HasPrefix(message.Text, "first") {
		t.Errorf("%+v", message)
	}
	sh(t, sandbox, "touch go")
	result := <-channels.Done
	if result == nil {
		t.Fatal(channels.Err())
	}
	if result.Stdout != "first\nsecond\n" || result.Stderr != "problem\n" || result.Error.Name != "ValueError" || result.Error.Value != "no" {
		t.Errorf("%+v %+v", result, result.Error)
	}
	// What nobody has read is still there, and every channel is closed.
	var rest strings.Builder
	for message := range channels.Stdout {
		rest.WriteString(message.Text)
	}
	if raised := <-channels.Errors; raised == nil || raised.Name != "ValueError" || !strings.Contains(*raised.Traceback, "ValueError") {
		t.Errorf("%+v", raised)
	}
	if _, more := <-channels.Errors; more || rest.String() == "" {
		t.Errorf("%q", rest.String())
	}
}

func TestContextsKeepTheirVariables(t *testing.T) {
	sandbox := newSandbox(t)
	interpreter := sandbox.CodeInterpreter
	context, err := interpreter.CreateContext(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := context["id"].(string)
	for _, code := range []string{"x = 41", "x += 1\nprint(x)"} {
		channels, err := interpreter.RunCode(ctx, code, options.WithCustomContext(id))
		if err != nil {
			t.Fatal(err)
		}
		result, err := channels.Wait()
		if err != nil || result.Error != nil || (strings.Contains(code, "print") && result.Stdout != "42\n") {
			t.Fatalf("%+v %v", result, err)
		}
	}
	contexts, err := interpreter.ListContextsTyped(ctx)
	if err != nil || len(contexts) != 1 || contexts[0].ID != id {
		t.Errorf("%+v %v", contexts, err)
	}
	if err := interpreter.DeleteContext(ctx, id); err != nil {
		t.Error(err)
	}
}

func TestARunThatBreaksTellsWhy(t *testing.T) {
	sandbox := newSandbox(t)
	channels, err := sandbox.CodeInterpreter.RunCode(ctx, "print('first', flush=True)\nwhile True: pass", options.WithInterpreterTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	// The documented programs look at what Done gave without asking whether there is anything.
	result := <-channels.Done
	if result.Stdout != "first\n" || result.Error == nil || result.Error.Name != "DaytonaTimeoutError" {
		t.Errorf("%+v %+v", result, result.Error)
	}
	if raised := <-channels.Errors; raised != result.Error {
		t.Errorf("%+v", raised)
	}
	if !errors.Is(channels.Err(), sdkerrors.ErrTimeout) {
		t.Errorf("%v", channels.Err())
	}
	for range channels.Stderr {
	}
}
