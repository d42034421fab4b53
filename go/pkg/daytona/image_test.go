package daytona_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

func TestStepsFollowOneAnotherAndChangeTheImage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.py")
	if err := os.WriteFile(file, []byte("print()\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	image := daytona.DebianSlim(nil).
		PipInstall([]string{"pandas", "numpy>=2"}, options.WithPre(), options.WithExtraIndexURLs("https://example.com/simple")).
		AptGet([]string{"git"}).
		AddLocalFile(file, "/app/").
		Run("echo hello").
		RunProgram("echo", "two words").
		Env("B", "two words").
		Workdir("/app").
		User("daytona").
		Expose([]int{80, 443}).
		Label("k", "v").
		Volume([]string{"/data"}).
		Entrypoint([]string{"python", "app.py"}).
		Cmd(nil)
	if err := image.Err(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"FROM python:3.12.10-slim-bookworm",
		"RUN python -m pip install 'numpy>=2' pandas --extra-index-url https://example.com/simple --pre",
		"RUN apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*",
		`COPY ["` + strings.TrimPrefix(file, "/") + `", "/app/app.py"]`,
		"RUN echo hello",
		`RUN "echo" "two words"`,
		"ENV B='two words'",
		"WORKDIR /app",
		"USER daytona",
		"EXPOSE 80 443",
		`LABEL k="v"`,
		`VOLUME ["/data"]`,
		`ENTRYPOINT ["python", "app.py"]`,
		"CMD []",
	}
	lines := strings.Split(strings.TrimSuffix(image.Dockerfile(), "\n"), "\n")
	if got := append(lines[:1:1], lines[5:]...); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	contexts := image.Contexts()
	if len(contexts) != 1 || contexts[0].SourcePath != file {
		t.Errorf("contexts %v", contexts)
	}
}

func TestADockerfileBringsTheFilesItCopies(t *testing.T) {
	directory := t.TempDir()
	text := "FROM node:22\nCOPY package*.json /app/\n"
	for name, content := range map[string]string{"package.json": "{}", "Dockerfile": text} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	image := daytona.FromDockerfilePath(filepath.Join(directory, "Dockerfile"))
	if image.Err() != nil || image.Dockerfile() != text {
		t.Errorf("%q, %v", image.Dockerfile(), image.Err())
	}
	if contexts := image.Contexts(); len(contexts) != 1 || contexts[0].ArchivePath != "package.json" {
		t.Errorf("contexts %v", contexts)
	}
	if image := daytona.FromDockerfile("FROM x\nRUN y"); image.Dockerfile() != "FROM x\nRUN y\n" {
		t.Errorf("%q", image.Dockerfile())
	}
}

func TestAnImageKeepsItsFirstError(t *testing.T) {
	for _, image := range []*daytona.DockerImage{
		daytona.Base(""), daytona.Base("x").Env("A", "1\n2").Workdir(""), daytona.Base("x").Run("\xff"),
		daytona.FromDockerfilePath("/none/Dockerfile"),
	} {
		if !errors.Is(image.Err(), sdkerrors.ErrInvalidArgument) {
			t.Errorf("error %v", image.Err())
		}
	}
}
