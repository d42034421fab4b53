// Package daytonatest gives tests an engine of their own: no account, no network, time that can be moved, faults on demand.
//
//	func TestAgent(t *testing.T) {
//		engine := daytonatest.Start(t)
//		client := engine.Client(t)
//		sandbox, err := client.Create(ctx, nil)
//		…
//		engine.Advance(t, 15*time.Minute) // the sandbox has stopped by itself
//	}
//
// It takes the daytona program: DAYTONA_LOCAL_BINARY, else the one that go install has put into its directory, else the one on PATH.
package daytonatest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"
	"github.com/daytonaio/daytona/libs/sdk-go/internal/local"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// Engine is an engine for one process, with sandboxes, a clock and faults of its own. It ends with Close and with this process,
// however that ends; what it kept goes with it.
type Engine struct {
	// APIURL is the base URL of its API.
	APIURL string
	apiKey string
	native *ffi.Client
}

// Options say how an engine is started.
type Options struct {
	// Arguments are further arguments of `daytona local serve`.
	Arguments []string
	// Binary is the daytona program; see the package for its default.
	Binary string
}

// Start starts an engine, which ends with the test. The test fails when it cannot be started.
func Start(t testing.TB, options ...Options) *Engine {
	t.Helper()
	engine, err := New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine
}

// New starts an engine for more than one test, for example in TestMain. It is ready when New returns.
func New(options ...Options) (*Engine, error) {
	var given Options
	if len(options) > 0 {
		given = options[0]
	}
	starter, err := client("local", "", given.Binary)
	if err != nil {
		return nil, err
	}
	defer starter.Close()
	started, err := ask[struct{ APIURL, APIKey string }](starter, "start", given.Arguments)
	if err != nil {
		return nil, err
	}
	native, err := client(started.APIURL, started.APIKey, "")
	if err != nil {
		return nil, err
	}
	return &Engine{APIURL: started.APIURL, apiKey: started.APIKey, native: native}, nil
}

// Close ends the engine with everything in it.
func (e *Engine) Close() error {
	_, err := ask[any](e.native, "stop", nil)
	return err
}

// Config returns the configuration of clients of this engine.
func (e *Engine) Config() *types.DaytonaConfig {
	return &types.DaytonaConfig{APIUrl: e.APIURL, APIKey: e.apiKey}
}

// Client returns a client of this engine, which is closed with the test.
func (e *Engine) Client(t testing.TB) *daytona.Client {
	t.Helper()
	client, err := daytona.NewClientWithConfig(e.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// Setenv makes this engine what clients without a configuration connect to during the test, by environment variables. As with
// [testing.T.Setenv], the test must not be parallel.
func (e *Engine) Setenv(t *testing.T) {
	t.Helper()
	for _, name := range []string{"DAYTONA_JWT_TOKEN", "DAYTONA_ORGANIZATION_ID", "DAYTONA_SERVER_URL", "DAYTONA_TARGET"} {
		t.Setenv(name, "")
	}
	t.Setenv("DAYTONA_API_URL", e.APIURL)
	t.Setenv("DAYTONA_API_KEY", e.apiKey)
}

// Done is something an interval did while time was moved.
type Done struct {
	// At is when, in the engine's time.
	At time.Time `json:"at"`
	// SandboxID is the id of the sandbox.
	SandboxID string `json:"sandboxId"`
	// Action is what was done to it: stop, pause, archive or delete.
	Action string `json:"action"`
}

// Now returns the engine's time. Programs inside sandboxes keep the machine's.
func (e *Engine) Now(t testing.TB) time.Time {
	t.Helper()
	return must[time.Time](t, e, "now", nil)
}

// Advance moves the engine's time ahead, for intervals, times to live and tokens, at most 10 years. It returns when all that was due
// has happened, with what intervals did, oldest first.
func (e *Engine) Advance(t testing.TB, by time.Duration) []Done {
	t.Helper()
	return must[[]Done](t, e, "advance", by.Seconds())
}

// AddFaults lets requests fail from now on. Of several rules the first one that fits a request applies, and is used up by it.
func (e *Engine) AddFaults(t testing.TB, rules ...Rule) {
	t.Helper()
	must[any](t, e, "add_faults", rules)
}

// Faults returns the rules that are not used up.
func (e *Engine) Faults(t testing.TB) []Rule {
	t.Helper()
	return must[[]Rule](t, e, "faults", nil)
}

// ClearFaults lets everything succeed again.
func (e *Engine) ClearFaults(t testing.TB) {
	t.Helper()
	must[any](t, e, "clear_faults", nil)
}

// Seed makes sandboxes to begin a test with, and returns their documents once they are in their states. Each is what `POST /sandbox`
// takes, for example {"name": "old", "state": "archived"}; state is started (the default), stopped, paused, archived or error.
func (e *Engine) Seed(t testing.TB, sandboxes ...map[string]any) []map[string]any {
	t.Helper()
	return must[[]map[string]any](t, e, "seed", sandboxes)
}

// Reset deletes all sandboxes, removes all faults and takes back what moved the clock. Clients go on working.
func (e *Engine) Reset(t testing.TB) {
	t.Helper()
	must[any](t, e, "reset", nil)
}

// StartRecording begins to record what happens to sandboxes. A recording under way begins anew.
func (e *Engine) StartRecording(t testing.TB) {
	t.Helper()
	must[any](t, e, "start_recording", nil)
}

// StopRecording ends the recording and returns it, as JSON Lines. In a file it is what an engine with the arguments --replay FILE
// answers from.
func (e *Engine) StopRecording(t testing.TB) string {
	t.Helper()
	return must[string](t, e, "stop_recording", nil)
}

// RecordingPage returns the page that shows a recording, as HTML that needs nothing else.
func (e *Engine) RecordingPage(t testing.TB, recording string) string {
	t.Helper()
	return must[string](t, e, "recording_page", recording)
}

func must[T any](t testing.TB, e *Engine, what string, argument any) T {
	t.Helper()
	answer, err := ask[T](e.native, what, argument)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// ask runs an operation of the testing kits; the core knows what it sends.
func ask[T any](native *ffi.Client, what string, argument any) (T, error) {
	call := api.NewCaller(native).Op("testing." + what)
	call.JSON("argument", argument)
	return api.Value[T](context.Background(), call)
}

func client(url, key, binary string) (*ffi.Client, error) {
	config := map[string]string{"apiUrl": url, "apiKey": key, "localBinary": local.Binary(binary), "source": "sdk-go"}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	return ffi.NewClient(text)
}
