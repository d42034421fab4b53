package daytona_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// binary is content that is no text.
var binary = bytes.Repeat([]byte{0, 255, 128, '\n', '\r', 13}, 200_000)

func TestAFileGoesUpFromEverySourceAndComesDownToEveryPlace(t *testing.T) {
	sandbox := newSandbox(t)
	files := sandbox.Fs
	local := filepath.Join(t.TempDir(), "local")
	if err := os.WriteFile(local, binary, 0o600); err != nil {
		t.Fatal(err)
	}
	sources := map[string]any{
		"bytes": binary, "path": local, "reader": bytes.NewReader(binary), "slow reader": iotest.OneByteReader(bytes.NewReader(binary[:3000])),
	}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			want := binary
			if name == "slow reader" {
				want = binary[:3000]
			}
			remote := "up/" + strings.ReplaceAll(name, " ", "-")
			if err := files.UploadFile(ctx, source, remote); err != nil {
				t.Fatal(err)
			}
			inMemory, err := files.DownloadFile(ctx, remote, nil)
			if err != nil || !bytes.Equal(inMemory, want) {
				t.Errorf("memory: %d bytes, %v", len(inMemory), err)
			}
			path := filepath.Join(t.TempDir(), "down")
			content, err := files.DownloadFile(ctx, remote, &path)
			stored, _ := os.ReadFile(path)
			if err != nil || !bytes.Equal(content, want) || !bytes.Equal(stored, want) {
				t.Errorf("path: %d bytes, %v", len(stored), err)
			}
			var last daytona.DownloadProgress
			reader, err := files.DownloadFileStream(ctx, remote, nil, daytona.WithDownloadProgress(func(p daytona.DownloadProgress) { last = p }))
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			if err := iotest.TestReader(reader, want); err != nil {
				t.Error(err)
			}
			if last.BytesReceived != int64(len(want)) || last.TotalBytes != int64(len(want)) {
				t.Errorf("%+v", last)
			}
		})
	}
	if err := files.UploadFile(ctx, 7, "x"); !errors.Is(err, sdkerrors.ErrInvalidArgument) {
		t.Errorf("%v", err)
	}
}

func TestAnUploadWhoseReaderFailsStoresNothing(t *testing.T) {
	sandbox := newSandbox(t)
	broken := errors.New("broken")
	var sent int64
	err := sandbox.FileSystem.UploadFileStream(ctx, io.MultiReader(bytes.NewReader(binary), iotest.ErrReader(broken)), "half",
		daytona.WithUploadProgress(func(p daytona.UploadProgress) { sent = p.BytesSent }))
	if err != broken || sent != int64(len(binary)) {
		t.Errorf("%v after %d bytes", err, sent)
	}
	if _, err := sandbox.FileSystem.GetFileInfo(ctx, "half"); !errors.Is(err, sdkerrors.ErrFileNotFound) {
		t.Errorf("%v", err)
	}
}

func TestAnUploadThatIsCancelledWhileItsSourceSaysNothingStoresNothing(t *testing.T) {
	sandbox := newSandbox(t)
	source, writer := io.Pipe()
	defer writer.Close()
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = writer.Write(binary)
		cancel()
	}()
	err := sandbox.FileSystem.UploadFileStream(cancellable, source, "half")
	if !errors.Is(err, context.Canceled) || !errors.Is(err, sdkerrors.ErrCancelled) {
		t.Errorf("%v", err)
	}
	if _, err := sandbox.FileSystem.GetFileInfo(ctx, "half"); !errors.Is(err, sdkerrors.ErrFileNotFound) {
		t.Errorf("%v", err)
	}
}

func TestALargeFileIsStreamedBothWays(t *testing.T) {
	sandbox := newSandbox(t)
	const size = 32 << 20
	hash := sha256.New()
	source := io.TeeReader(io.LimitReader(&counter{}, size), hash)
	if err := sandbox.FileSystem.UploadFileStream(ctx, source, "large"); err != nil {
		t.Fatal(err)
	}
	want := hex.EncodeToString(hash.Sum(nil))
	if remote := sh(t, sandbox, "sha256sum < large"); !strings.HasPrefix(remote, want) {
		t.Errorf("%s, want %s", remote, want)
	}
	reader, err := sandbox.FileSystem.DownloadFileStream(ctx, "large")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	hash.Reset()
	if n, err := io.Copy(hash, reader); err != nil || n != size || hex.EncodeToString(hash.Sum(nil)) != want {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// counter is an endless content that does not repeat.
type counter struct{ n uint32 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n ^ c.n>>8 ^ c.n>>16)
		c.n++
	}
	return len(p), nil
}

func TestADownloadCanBeLeftEarly(t *testing.T) {
	sandbox := newSandbox(t)
	sh(t, sandbox, "head -c 50000000 /dev/zero > zeros")
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	first, err := sandbox.FileSystem.DownloadFileStream(ctx, "zeros")
	if err != nil {
		t.Fatal(err)
	}
	second, err := sandbox.FileSystem.DownloadFileStream(cancellable, "zeros")
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 10)
	if _, err := io.ReadFull(first, buffer); err != nil {
		t.Fatal(err)
	}
	first.Close()
	cancel()
	if _, err := io.Copy(io.Discard, first); !errors.Is(err, sdkerrors.ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
	if _, err := io.Copy(io.Discard, second); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
	second.Close()
	eventually(t, "the end of the streams", func() bool { return daytona.DebugStats().Streams == 0 })
}

func TestManyFilesTravelInOneCallAndFailOneByOne(t *testing.T) {
	sandbox := newSandbox(t)
	err := sandbox.FileSystem.UploadFiles(ctx, []types.FileUpload{
		{Source: []byte("a"), Destination: "many/a"}, {Source: strings.NewReader("b"), Destination: "many/b"},
		{Source: []byte{}, Destination: "many/empty"}, {Source: binary, Destination: "many/c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(t.TempDir(), "b")
	results, err := sandbox.FileSystem.DownloadFiles(ctx, []types.FileDownloadRequest{
		{Source: "many/a"}, {Source: "many/b", Destination: &local}, {Source: "many/none"}, {Source: "many/empty"}, {Source: "many/c"},
	})
	if err != nil || len(results) != 5 {
		t.Fatalf("%+v %v", results, err)
	}
	stored, _ := os.ReadFile(local)
	if string(results[0].Result.([]byte)) != "a" || results[1].Result.(string) != local || string(stored) != "b" {
		t.Errorf("%+v", results[:2])
	}
	if results[2].Error == nil || results[2].Result != nil || results[2].ErrorDetails.StatusCode != 404 {
		t.Errorf("%+v", results[2])
	}
	if len(results[3].Result.([]byte)) != 0 || !bytes.Equal(results[4].Result.([]byte), binary) {
		t.Errorf("empty or binary content differs")
	}
}

func TestFilesAreFoundChangedAndDescribed(t *testing.T) {
	sandbox := newSandbox(t)
	files := sandbox.FileSystem
	if err := files.CreateFolder(ctx, "d/e", options.WithMode("750")); err != nil {
		t.Fatal(err)
	}
	if err := files.UploadFile(ctx, []byte("one\ntwo\n"), "d/e/f.txt"); err != nil {
		t.Fatal(err)
	}
	if err := files.SetFilePermissions(ctx, "d/e/f.txt", options.WithPermissionMode("600")); err != nil {
		t.Fatal(err)
	}
	info, err := files.GetFileInfo(ctx, "d/e/f.txt")
	if err != nil || info.Size != 8 || info.IsDirectory || info.ModifiedTime.IsZero() || !strings.HasSuffix(info.Permissions, "600") {
		t.Errorf("%+v %v", info, err)
	}
	found, err := files.FindFiles(ctx, "d", "two")
	if matches, ok := found.([]map[string]any); err != nil || !ok || len(matches) != 1 || matches[0]["line"].(int) != 2 {
		t.Errorf("%v %v", found, err)
	}
	named, err := files.SearchFiles(ctx, "d", "*.txt")
	if err != nil || len(named.(map[string]any)["files"].([]string)) != 1 {
		t.Errorf("%v %v", named, err)
	}
	replaced, err := files.ReplaceInFiles(ctx, []string{"d/e/f.txt", "d/none"}, "two", "three")
	results, ok := replaced.([]map[string]any)
	if err != nil || !ok || results[0]["success"] != true || results[1]["error"] == nil {
		t.Errorf("%v %v", replaced, err)
	}
	if err := files.MoveFiles(ctx, "d/e/f.txt", "d/g.txt"); err != nil {
		t.Error(err)
	}
	listed, err := files.ListFiles(ctx, "d")
	if err != nil || len(listed) != 2 || listed[0].Name != "e" || !listed[0].IsDirectory || listed[1].Name != "g.txt" {
		t.Errorf("%+v %v", listed, err)
	}
	if err := files.DeleteFile(ctx, "d", false); !errors.Is(err, sdkerrors.ErrValidation) {
		t.Errorf("%v", err)
	}
	if err := files.DeleteFile(ctx, "d", true); err != nil {
		t.Error(err)
	}
}
