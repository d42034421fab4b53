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
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

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
	http   *http.Client
	close  func() error
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
	program := given.Binary
	for _, candidate := range []string{os.Getenv("DAYTONA_LOCAL_BINARY"), local.Program(), "daytona"} {
		if program == "" {
			program = candidate
		}
	}
	words := append([]string{"local", "serve", "--testing", "--owner", strconv.Itoa(os.Getpid())}, given.Arguments...)
	command := exec.Command(program, words...)
	// Ctrl-C is for the tests, which end the engine when they are done.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log lockedBuffer
	command.Stderr = &log
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("daytonatest: the engine's program %s cannot be started: %w; install it with `go install "+
			"github.com/daytonaio/daytona/libs/sdk-go/cmd/daytona@latest`, or set DAYTONA_LOCAL_BINARY", program, err)
	}
	place, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = command.Wait()
		return nil, fmt.Errorf("daytonatest: the engine could not be started: %s", strings.TrimSpace(log.String()))
	}
	end := sync.OnceValue(func() error {
		_ = command.Process.Signal(syscall.SIGTERM)
		return command.Wait()
	})
	announced, err := os.ReadFile(filepath.Join(strings.TrimSuffix(place, "\n"), "engine.json"))
	if err != nil {
		_ = end()
		return nil, fmt.Errorf("daytonatest: the engine cannot be found: %w", err)
	}
	var found struct{ APIURL, APIKey string }
	if err := json.Unmarshal(announced, &found); err != nil {
		_ = end()
		return nil, fmt.Errorf("daytonatest: the engine cannot be found: %w", err)
	}
	// The engine is on this machine: no proxy is on the way to it.
	direct := &http.Client{Transport: &http.Transport{Proxy: nil}}
	return &Engine{APIURL: found.APIURL, apiKey: found.APIKey, http: direct, close: end}, nil
}

// Close ends the engine with everything in it.
func (e *Engine) Close() error {
	e.http.CloseIdleConnections()
	return e.close()
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
	var clock struct{ Now time.Time }
	e.must(t, http.MethodGet, "clock", nil, &clock)
	return clock.Now
}

// Advance moves the engine's time ahead, for intervals, times to live and tokens, at most 10 years. It returns when all that was due
// has happened, with what intervals did, oldest first.
func (e *Engine) Advance(t testing.TB, by time.Duration) []Done {
	t.Helper()
	var answer struct{ Done []Done }
	e.must(t, http.MethodPost, "clock", map[string]any{"advance": by.Seconds()}, &answer)
	return answer.Done
}

// AddFaults lets requests fail from now on. Of several rules the first one that fits a request applies, and is used up by it.
func (e *Engine) AddFaults(t testing.TB, rules ...Rule) {
	t.Helper()
	if err := e.call(http.MethodPost, "faults", rules, nil); err != nil {
		t.Fatal(err)
	}
}

// Faults returns the rules that are not used up.
func (e *Engine) Faults(t testing.TB) []Rule {
	t.Helper()
	var left []Rule
	e.must(t, http.MethodGet, "faults", nil, &left)
	return left
}

// ClearFaults lets everything succeed again.
func (e *Engine) ClearFaults(t testing.TB) {
	t.Helper()
	e.must(t, http.MethodDelete, "faults", nil, nil)
}

// Seed makes sandboxes to begin a test with, and returns their documents once they are in their states. Each is what `POST /sandbox`
// takes, for example {"name": "old", "state": "archived"}; state is started (the default), stopped, paused, archived or error.
func (e *Engine) Seed(t testing.TB, sandboxes ...map[string]any) []map[string]any {
	t.Helper()
	var answer struct{ Sandboxes []map[string]any }
	e.must(t, http.MethodPost, "seed", map[string]any{"sandboxes": sandboxes}, &answer)
	return answer.Sandboxes
}

// Reset deletes all sandboxes, removes all faults and takes back what moved the clock. Clients go on working.
func (e *Engine) Reset(t testing.TB) {
	t.Helper()
	e.must(t, http.MethodPost, "reset", nil, nil)
}

// StartRecording begins to record what happens to sandboxes. A recording under way begins anew.
func (e *Engine) StartRecording(t testing.TB) {
	t.Helper()
	e.must(t, http.MethodPost, "recording", nil, nil)
}

// StopRecording ends the recording and returns it, as JSON Lines. In a file it is what an engine with the arguments --replay FILE
// answers from.
func (e *Engine) StopRecording(t testing.TB) string {
	t.Helper()
	var ended struct{ Recording string }
	e.must(t, http.MethodDelete, "recording", nil, &ended)
	return ended.Recording
}

// RecordingPage returns the page that shows a recording, as HTML that needs nothing else.
func (e *Engine) RecordingPage(t testing.TB, recording string) string {
	t.Helper()
	var shown struct{ Page string }
	e.must(t, http.MethodPost, "recording/page", map[string]any{"recording": recording}, &shown)
	return shown.Page
}

func (e *Engine) must(t testing.TB, method, path string, body, into any) {
	t.Helper()
	if err := e.call(method, path, body, into); err != nil {
		t.Fatal(err)
	}
}

func (e *Engine) call(method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		text = nil
	}
	request, err := http.NewRequest(method, e.APIURL+"/testing/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+e.apiKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := e.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		var refused struct{ Message string }
		if json.Unmarshal(answer, &refused) != nil {
			refused.Message = string(answer)
		}
		return fmt.Errorf("daytonatest: %s", refused.Message)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// lockedBuffer keeps what the engine says, which a goroutine writes.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
