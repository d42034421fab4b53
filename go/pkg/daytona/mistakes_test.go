package daytona_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// mistake is one of those that tests/mistakes lists for all languages.
type mistake struct {
	ID      string            `json:"id"`
	What    string            `json:"what"`
	Kind    string            `json:"kind"`
	Says    []string          `json:"says"`
	SaysNot []string          `json:"saysNot"`
	Except  map[string]string `json:"except"`
}

const repository = "../../.."

func TestMistakesAreNamedWithTheWayOut(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(repository, "tests/mistakes/mistakes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Mistakes []mistake `json:"mistakes"`
		Never    []string  `json:"never"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	m := &mistakes{client: engineClient(t), sandbox: newSandbox(t), name: fmt.Sprintf("mistake-%d", os.Getpid())}
	texts := map[string]string{}
	for _, wanted := range list.Mistakes {
		if wanted.Except["go"] != "" {
			continue
		}
		t.Run(wanted.ID, func(t *testing.T) {
			m.id = ""
			err := m.make(t, wanted.ID)
			if !errors.Is(err, sdkerrors.Kind(wanted.Kind)) {
				t.Fatalf("somebody %s: %T: %v", wanted.What, err, err)
			}
			text := err.Error()
			texts[wanted.ID] = strings.TrimPrefix(fmt.Sprintf("%T: %s", err, text), "*errors.")
			for _, piece := range wanted.Says {
				if piece = strings.NewReplacer("{name}", m.name, "{id}", m.id).Replace(piece); !strings.Contains(text, piece) {
					t.Errorf("no %q in %q", piece, text)
				}
			}
			for _, piece := range append(wanted.SaysNot, list.Never...) {
				if strings.Contains(text, piece) {
					t.Errorf("%q in %q", piece, text)
				}
			}
		})
	}
	written, err := json.MarshalIndent(texts, "", " ")
	if err == nil {
		err = os.MkdirAll(filepath.Join(repository, "target/mistakes"), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(repository, "target/mistakes/go.json"), written, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

// mistakes makes them.
type mistakes struct {
	client  *daytona.Client
	sandbox *daytona.Sandbox
	// name of the test's choosing.
	name string
	// id of the sandbox a mistake is about.
	id string
}

func (m *mistakes) make(t *testing.T, id string) error {
	process, fs := m.sandbox.Process, m.sandbox.Fs
	switch id {
	case "no-credentials":
		for _, variable := range []string{"DAYTONA_API_URL", "DAYTONA_API_KEY", "DAYTONA_JWT_TOKEN", "DAYTONA_ORGANIZATION_ID"} {
			t.Setenv(variable, "")
		}
		_, err := daytona.NewClient()
		return err
	case "url-without-scheme":
		_, err := daytona.NewClient(&daytona.Config{APIKey: "k", APIURL: "localhost:3000"})
		return err
	case "nobody-listens":
		return m.get(t, "k", "http://127.0.0.1:9")
	case "wrong-key":
		return m.get(t, "wrong-key", m.sandbox.ToolboxProxyURL[:strings.LastIndex(m.sandbox.ToolboxProxyURL, "/")]+"/api")
	case "unknown-sandbox":
		_, err := m.client.Get(ctx, "no-such-sandbox")
		return err
	case "empty-id":
		_, err := m.client.Get(ctx, "")
		return err
	case "name-taken":
		m.throwAway(t, m.name)
		_, err := m.client.Create(ctx, types.SandboxBaseParams{Name: m.name})
		return err
	case "deleted-sandbox":
		sandbox := m.throwAway(t, "")
		other, err := m.client.Get(ctx, sandbox.ID)
		if err == nil {
			err = other.Delete(ctx)
		}
		if err == nil {
			err = other.WaitForStop(ctx, time.Minute)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = sandbox.Process.ExecuteCommand(ctx, "true")
		return err
	case "stopped-sandbox":
		sandbox := m.throwAway(t, "")
		if err := sandbox.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		_, err := sandbox.Process.ExecuteCommand(ctx, "true")
		return err
	case "empty-command":
		_, err := process.ExecuteCommand(ctx, "")
		return err
	case "negative-timeout":
		_, err := process.ExecuteCommand(ctx, "true", options.WithExecuteTimeout(-time.Second))
		return err
	case "command-too-long":
		_, err := process.ExecuteCommand(ctx, "sleep 60", options.WithExecuteTimeout(time.Second))
		return err
	case "missing-remote-file":
		_, err := fs.DownloadFile(ctx, "/nowhere/file.txt", nil)
		return err
	case "missing-local-file":
		return fs.UploadFile(ctx, "/nowhere/local.txt", "x")
	case "unknown-session":
		_, err := process.ExecuteSessionCommand(ctx, "no-such-session", "true", false)
		return err
	case "session-taken":
		m.session(t)
		return process.CreateSession(ctx, m.name)
	case "unknown-command":
		m.session(t)
		_, err := process.GetSessionCommandLogs(ctx, m.name, "no-such-command")
		return err
	case "bad-regular-expression":
		m.session(t)
		command, err := process.ExecuteSessionCommandTyped(ctx, m.name, "echo line")
		if err != nil {
			t.Fatal(err)
		}
		_, err = process.WaitForLog(ctx, m.name, command.CmdID, "(", options.WithRegex(true))
		return err
	case "unknown-signal":
		spawned, err := process.Spawn(ctx, "sleep 60")
		if err != nil {
			t.Fatal(err)
		}
		defer spawned.Close()
		return spawned.SendSignal(ctx, "SIGNOPE")
	case "bad-variable":
		_, err := process.Spawn(ctx, "true", options.WithSpawnEnv(map[string]string{"A=B": "x"}))
		return err
	case "no-repository":
		sh(t, m.sandbox, "mkdir -p /tmp/"+m.name)
		_, err := m.sandbox.Git.Status(ctx, "/tmp/"+m.name)
		return err
	case "no-terminal-size":
		_, err := process.CreatePty(ctx, "terminal", options.WithCreatePtySize(types.PtySize{Rows: 0, Cols: 80}))
		return err
	case "closed-client":
		client := engineClient(t)
		client.Close(ctx)
		_, err := client.Get(ctx, "x")
		return err
	}
	t.Fatalf("no test for %s", id)
	return nil
}

// get asks another server, or with another key.
func (m *mistakes) get(t *testing.T, key, url string) error {
	client, err := daytona.NewClient(&daytona.Config{APIKey: key, APIURL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(ctx)
	_, err = client.Get(ctx, "x")
	return err
}

func (m *mistakes) throwAway(t *testing.T, name string) *daytona.Sandbox {
	sandbox, err := m.client.Create(ctx, types.SandboxBaseParams{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sandbox.Delete(ctx) }) // the mistake may have deleted it
	m.id = sandbox.ID
	return sandbox
}

// session makes the session of the chosen name for one mistake.
func (m *mistakes) session(t *testing.T) {
	if err := m.sandbox.Process.CreateSession(ctx, m.name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.sandbox.Process.DeleteSession(ctx, m.name) })
}
