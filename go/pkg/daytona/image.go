package daytona

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

// DockerImage is an image to build, put together step by step: a Dockerfile and the local files it copies. Each step changes the
// image and returns it, so that steps can follow one another:
//
//	image := daytona.DebianSlim(nil).PipInstall([]string{"numpy", "pandas"}).Workdir("/home/daytona")
//	sandbox, err := client.Create(ctx, types.ImageParams{Image: image})
//
// Local files are read when something is created from the image. A step that a Dockerfile cannot say fails what is created
// from the image; Err tells before.
type DockerImage struct {
	parts imageParts
	err   error
}

// Image is the same as [DockerImage].
type Image = DockerImage

// imageParts is an image as the core has it.
type imageParts struct {
	Dockerfile string         `json:"dockerfile"`
	Contexts   []imageContext `json:"contexts,omitempty"`
}

type imageContext struct {
	SourcePath  string `json:"sourcePath"`
	ArchivePath string `json:"archivePath,omitempty"`
	IgnoreFile  string `json:"ignoreFile,omitempty"`
}

// DockerImageContext is a local file or directory that an image copies.
type DockerImageContext struct {
	// SourcePath is the path on this machine.
	SourcePath string
	// ArchivePath is the path in the build context, where the Dockerfile copies it from.
	ArchivePath string
}

// Env sets an environment variable for all later steps and for the sandbox.
func (d *DockerImage) Env(key, value string) *DockerImage {
	return d.step("env", [][]string{{key, value}})
}

// Dockerfile returns the Dockerfile.
func (d *DockerImage) Dockerfile() string {
	return d.parts.Dockerfile
}

// Contexts returns the local files that the Dockerfile copies.
func (d *DockerImage) Contexts() []DockerImageContext {
	contexts := make([]DockerImageContext, 0, len(d.parts.Contexts))
	for _, context := range d.parts.Contexts {
		contexts = append(contexts, DockerImageContext{SourcePath: context.SourcePath, ArchivePath: context.ArchivePath})
	}
	return contexts
}

// Err returns why a step could not be taken, or nil. Steps after it have no effect.
func (d *DockerImage) Err() error {
	return d.err
}

// MarshalJSON writes the image as its Dockerfile and the local files it copies.
func (d *DockerImage) MarshalJSON() ([]byte, error) {
	if d == nil {
		return nil, errors.New(errors.ErrInvalidArgument, "The image is nil.")
	}
	if d.err != nil {
		return nil, d.err
	}
	return json.Marshal(d.parts)
}

func (d *DockerImage) step(step string, args ...any) *DockerImage {
	if d.err != nil {
		return d
	}
	request, err := json.Marshal(map[string]any{"image": d.parts, "step": step, "args": args, "python": "3.12"})
	if err == nil && !valid(args) {
		err = errors.New(errors.ErrInvalidArgument, "A text of "+step+" is not valid UTF-8.")
	}
	if err == nil {
		request, err = ffi.ImageStep(request)
	}
	if err == nil {
		d.parts = imageParts{}
		err = json.Unmarshal(request, &d.parts)
	}
	d.err = err
	return d
}

// valid tells whether texts can be sent: JSON would carry others in their place.
func valid(args []any) bool {
	for _, arg := range args {
		var given []string
		switch value := arg.(type) {
		case string:
			given = []string{value}
		case []string:
			given = value
		case [][]string:
			for _, words := range value {
				given = append(given, words...)
			}
		}
		for _, text := range given {
			if !utf8.ValidString(text) {
				return false
			}
		}
	}
	return true
}

// orNil is what travels for a text that may be empty.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func pip(opts []func(*options.PipInstall)) map[string]any {
	set := options.Apply(opts...)
	return map[string]any{
		"findLinks": set.FindLinks, "indexUrl": set.IndexURL, "extraIndexUrls": set.ExtraIndexURLs, "pre": set.Pre,
		"extraOptions": set.ExtraOptions, "optionalDependencies": set.OptionalDependencies,
	}
}
