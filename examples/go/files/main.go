// Files: up and down, many at once, whole directories, searching, permissions.
//
//	DAYTONA_API_URL=local go run ./files
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"

	"examples/program"
)

func main() {
	program.Main(
		program.Part{Name: "upload and download", Run: uploadDownload},
		program.Part{Name: "streams", Run: streams},
		program.Part{Name: "many files", Run: many},
		program.Part{Name: "directories", Run: directories},
		program.Part{Name: "search and replace", Run: searchReplace},
		program.Part{Name: "permissions", Run: permissions},
	)
}

func uploadDownload(ctx context.Context, sandbox *daytona.Sandbox) error {
	directory, err := os.MkdirTemp("", "files-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	local := filepath.Join(directory, "greeting.txt")
	// region: upload-download
	if err := sandbox.Fs.UploadFile(ctx, []byte("hello\n"), "work/greeting.txt"); err != nil {
		return err
	}
	content, err := sandbox.Fs.DownloadFile(ctx, "work/greeting.txt", nil)
	if err != nil {
		return err
	}
	fmt.Print(string(content))

	// From path to path, whatever the size.
	if err := sandbox.Fs.DownloadFileTo(ctx, "work/greeting.txt", local); err != nil {
		return err
	}
	if err := sandbox.Fs.UploadFile(ctx, local, "work/copy.txt"); err != nil {
		return err
	}
	// endregion
	return nil
}

func streams(ctx context.Context, sandbox *daytona.Sandbox) error {
	source := io.LimitReader(strings.NewReader(strings.Repeat("all work and no play\n", 200_000)), 4_000_000)
	// region: streams
	sent := daytona.WithUploadProgress(func(p daytona.UploadProgress) {
		fmt.Fprintf(os.Stderr, "\rsent %d bytes", p.BytesSent)
	})
	if err := sandbox.Fs.UploadFileStream(ctx, source, "work/big.txt", sent); err != nil {
		return err
	}

	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, err := sandbox.Fs.DownloadFileStream(cancellable, "work/big.txt")
	if err != nil {
		return err
	}
	defer reader.Close()
	beginning, err := io.ReadAll(io.LimitReader(reader, 21))
	if err != nil {
		return err
	}
	cancel() // The rest is never sent.
	fmt.Printf("\nit begins with %q\n", beginning)
	// endregion
	return nil
}

func many(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: many
	err := sandbox.Fs.UploadFiles(ctx, []types.FileUpload{
		{Source: []byte("1\n"), Destination: "work/many/one.txt"},
		{Source: []byte("2\n"), Destination: "work/many/two.txt"},
	})
	if err != nil {
		return err
	}
	files, err := sandbox.Fs.DownloadFiles(ctx, []types.FileDownloadRequest{
		{Source: "work/many/one.txt"}, {Source: "work/many/none.txt"},
	})
	if err != nil {
		return err
	}
	for _, file := range files {
		if file.Error != nil {
			fmt.Printf("%s: %s\n", file.Source, *file.Error)
		} else {
			fmt.Printf("%s: %d bytes\n", file.Source, len(file.Result.([]byte)))
		}
	}
	// endregion
	return nil
}

func directories(ctx context.Context, sandbox *daytona.Sandbox) error {
	project, err := os.MkdirTemp("", "project-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(project)
	for path, content := range map[string]string{"main.py": "print('hi')\n", "lib/a.py": "A = 1\n", "lib/a.pyc": "cache"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(project, path)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(project, path), []byte(content), 0o644); err != nil {
			return err
		}
	}
	results := filepath.Join(project, "results")
	// region: directories
	progress := options.WithDirectoryProgress(func(p types.DirectoryProgress) {
		fmt.Fprintf(os.Stderr, "\r%d files", p.Files)
	})
	up, err := sandbox.Fs.UploadDir(ctx, project, "work/project", options.WithExclude("*.pyc", ".git"), progress)
	if err != nil {
		return err
	}
	fmt.Printf("%d files, %d bytes\n", up.Files, up.Bytes)

	down, err := sandbox.Fs.DownloadDir(ctx, "work/project", results)
	if err != nil {
		return err
	}
	for _, left := range down.Skipped {
		fmt.Printf("left out %s: %s\n", left.Path, left.Reason)
	}
	// endregion
	return nil
}

func searchReplace(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: search-replace
	found, err := sandbox.Fs.SearchFilesTyped(ctx, "work", "*.py")
	if err != nil {
		return err
	}
	fmt.Println(found)

	matches, err := sandbox.Fs.FindFilesTyped(ctx, "work", "A = 1")
	if err != nil {
		return err
	}
	for _, match := range matches {
		fmt.Printf("%s:%d: %s\n", match.File, match.Line, match.Content)
	}

	results, err := sandbox.Fs.ReplaceInFilesTyped(ctx, found, "A = 1", "A = 2")
	if err != nil {
		return err
	}
	for _, result := range results {
		fmt.Println(*result.File, *result.Success)
	}
	// endregion
	return nil
}

func permissions(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: permissions
	if err := sandbox.Fs.SetFilePermissions(ctx, "work/greeting.txt", options.WithPermissionMode("600")); err != nil {
		return err
	}
	info, err := sandbox.Fs.GetFileInfo(ctx, "work/greeting.txt")
	if err != nil {
		return err
	}
	fmt.Println(info.Mode, info.Owner, info.Group)
	// endregion
	return nil
}
