package daytona_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func write(t *testing.T, directory, path, content string, mode os.FileMode) {
	t.Helper()
	path = filepath.Join(directory, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryGoesUpAndComesDownAsItIs(t *testing.T) {
	sandbox := newSandbox(t)
	local := t.TempDir()
	write(t, local, "a.txt", "a\n", 0o644)
	write(t, local, "sub/run.sh", "#!/bin/sh\necho ran\n", 0o755)
	write(t, local, "sub/cache.pyc", "x", 0o644)
	write(t, local, "node_modules/m/index.js", "x", 0o644)
	if err := os.Symlink("../a.txt", filepath.Join(local, "sub", "link")); err != nil {
		t.Fatal(err)
	}
	up, err := sandbox.Fs.UploadDir(ctx, local, "up", options.WithExclude("*.pyc"), options.WithExclude("node_modules"), nil)
	if err != nil || up.Files != 2 || up.Bytes != 21 || len(up.Skipped) != 0 {
		t.Fatalf("%+v %v", up, err)
	}
	if output := sh(t, sandbox, "cd up && find . -mindepth 1 | sort && ./sub/run.sh && cat sub/link"); output != "./a.txt\n./sub\n./sub/link\n./sub/run.sh\nran\na\n" {
		t.Errorf("%q", output)
	}
	sh(t, sandbox, "ln -s /etc/passwd up/outside")
	target := filepath.Join(t.TempDir(), "new", "down")
	down, err := sandbox.Fs.DownloadDir(ctx, "up", target, options.WithExclude("a.txt"))
	if err != nil || down.Files != 1 || len(down.Skipped) != 1 || down.Skipped[0].Path != "outside" || down.Skipped[0].Reason == "" {
		t.Fatalf("%+v %v", down, err)
	}
	info, err := os.Stat(filepath.Join(target, "sub", "run.sh"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", info, err)
	}
	if link, err := os.Readlink(filepath.Join(target, "sub", "link")); err != nil || link != "../a.txt" {
		t.Errorf("%q %v", link, err)
	}
	if _, err := sandbox.Fs.DownloadDir(ctx, "none", target); !errors.Is(err, sdkerrors.ErrFileNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := sandbox.Fs.UploadDir(ctx, local, "up", options.WithExclude("[")); !errors.Is(err, sdkerrors.ErrInvalidArgument) {
		t.Errorf("%v", err)
	}
}

func TestACancelledTransferOfADirectoryLeavesNothing(t *testing.T) {
	sandbox := newSandbox(t)
	local := t.TempDir()
	noise := make([]byte, 1<<20)
	for i, n := 0, uint32(1); i < len(noise); i++ {
		n = n*1664525 + 1013904223
		noise[i] = byte(n >> 24)
	}
	for i := 0; i < 64; i++ {
		noise[0] = byte(i)
		write(t, local, fmt.Sprint("file", i), string(noise), 0o644)
	}
	before := sh(t, sandbox, "ls -A /tmp | sort")
	cancelAtFirst := func(run func(ctx context.Context, progress func(*options.Directory)) error) {
		t.Helper()
		cancellable, cancel := context.WithCancel(ctx)
		defer cancel()
		var last types.DirectoryProgress
		err := run(cancellable, options.WithDirectoryProgress(func(p types.DirectoryProgress) { last = p; cancel() }))
		if !errors.Is(err, context.Canceled) || !errors.Is(err, sdkerrors.ErrCancelled) {
			t.Errorf("%v, at %+v", err, last)
		}
	}
	var total int
	cancelAtFirst(func(ctx context.Context, progress func(*options.Directory)) error {
		note := func(o *options.Directory) {
			progress(o)
			tell := o.Progress
			o.Progress = func(p types.DirectoryProgress) { total = *p.TotalFiles; tell(p) }
		}
		_, err := sandbox.Fs.UploadDir(ctx, local, "half", note)
		return err
	})
	if total != 64 {
		t.Errorf("%d files in all", total)
	}
	eventually(t, "the end of the upload", func() bool {
		return sh(t, sandbox, "ls -d half 2>/dev/null; ls -A /tmp | sort") == before
	})
	if _, err := sandbox.Fs.UploadDir(ctx, local, "whole"); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "half")
	cancelAtFirst(func(ctx context.Context, progress func(*options.Directory)) error {
		_, err := sandbox.Fs.DownloadDir(ctx, "whole", target, progress)
		return err
	})
	eventually(t, "the end of the download", func() bool {
		_, err := os.Stat(target)
		return os.IsNotExist(err) && sh(t, sandbox, "ls -A /tmp | sort") == before
	})
	eventually(t, "the end of all calls and streams", func() bool {
		stats := daytona.DebugStats()
		return stats.Calls == 0 && stats.Streams == 0
	})
	if entries, err := os.ReadDir(filepath.Dir(target)); err != nil || len(entries) != 0 {
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		t.Errorf("left: %s %v", strings.Join(names, " "), err)
	}
}

func TestTheTransferOfADirectoryIsLimited(t *testing.T) {
	sandbox := newSandbox(t)
	local := t.TempDir()
	write(t, local, "a", "a", 0o644)
	if _, err := sandbox.Fs.UploadDir(ctx, local, "up", options.WithDirectoryTimeout(1)); !errors.Is(err, sdkerrors.ErrTimeout) {
		t.Errorf("%v", err)
	}
	if _, err := sandbox.Fs.GetFileDetails(ctx, "up"); !errors.Is(err, sdkerrors.ErrFileNotFound) {
		t.Errorf("%v", err)
	}
}
