package daytona_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// refused expects an InvalidArgument whose message has all these words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, sdkerrors.ErrInvalidArgument) {
		t.Fatalf("%v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q has no %q", err, word)
		}
	}
}

func TestTextThatIsNotUTF8IsRefusedAndNamed(t *testing.T) {
	sandbox := newSandbox(t)
	_, err := sandbox.Process.Spawn(ctx, "echo \xff")
	refused(t, err, "command", "UTF-8")
	_, err = sandbox.Process.Spawn(ctx, "true", options.WithSpawnEnv(map[string]string{"TOKEN": "secret\xff"}))
	refused(t, err, `env["TOKEN"]`)
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	refused(t, sandbox.Fs.UploadFile(ctx, []byte("\xff"), "name\xff"), "files[0].destination")
	refused(t, sandbox.Git.Add(ctx, "repository", []string{"a", "\xff"}), "files[1]")
	_, err = sandbox.Fs.UploadDir(ctx, t.TempDir(), "up", options.WithExclude("\xff"))
	refused(t, err, "exclude[0]")
	if err := sandbox.Fs.UploadFile(ctx, []byte("\xff"), "\uFFFD"); err != nil {
		t.Error(err)
	}
}

func TestANilContextIsRefused(t *testing.T) {
	sandbox := newSandbox(t)
	var none context.Context
	_, err := sandbox.Process.Spawn(none, "true")
	refused(t, err, "context.Background")
	_, err = sandbox.Fs.UploadDir(none, t.TempDir(), "up")
	refused(t, err, "context")
	terminal, err := sandbox.Process.CreatePty(ctx, "terminal")
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	_, err = terminal.Wait(none)
	refused(t, err, "context")
	refused(t, terminal.WaitForConnection(none), "context")
	process := spawn(t, sandbox, "cat", options.WithStdin(true))
	_, err = process.Stdin(none).Write([]byte("x"))
	refused(t, err, "context")
	_, err = process.Follow(none, nil, nil)
	refused(t, err, "context")
}

func TestWhatHasNotBeenMadeIsRefused(t *testing.T) {
	var client daytona.Client
	_, err := client.Get(ctx, "any")
	refused(t, err, "NewClient")
	if err := client.Close(ctx); err != nil {
		t.Error(err)
	}
	var process daytona.SpawnedProcess
	refused(t, process.Kill(ctx), "NewClient")
	sandbox := newSandbox(t)
	refused(t, sandbox.Fs.UploadFileStream(ctx, nil, "file"), "file", "io.Reader")
	refused(t, sandbox.Fs.UploadFiles(ctx, []types.FileUpload{{Destination: "file"}}), "file", "io.Reader")
}

// lazy is a writer that takes nothing and does not say so.
type lazy struct{}

func (lazy) Write([]byte) (int, error) { return 0, nil }

func TestAWriterThatTakesLessEndsTheFollowing(t *testing.T) {
	process := spawn(t, newSandbox(t), "echo all")
	if _, err := process.Follow(ctx, lazy{}, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%v", err)
	}
}

func TestWhoeverLeavesTextEarlyFindsTheRestOfACharacter(t *testing.T) {
	process := spawn(t, newSandbox(t), `printf 'a\303'; read -r _; printf '\244b'`, options.WithStdin(true))
	output, err := process.Stdout(ctx)
	if err != nil {
		t.Fatal(err)
	}
	output.Text()(func(text string, err error) bool {
		if text != "a" || err != nil {
			t.Errorf("%q %v", text, err)
		}
		return false
	})
	if err := process.WriteStdin(ctx, []byte("\n")); err != nil {
		t.Fatal(err)
	}
	if rest := all(t, output, nil); rest != "\u00e4b" {
		t.Errorf("%q", rest)
	}
}
