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

// Base starts from an image of a registry, for example python:3.12-slim.
func Base(baseImage string) *DockerImage {
	return new(DockerImage).step("base", baseImage)
}

// DebianSlim starts from Debian with Python, a C and Fortran compiler, and an up-to-date pip. The version is a series from 3.9 to
// 3.13, or one of their releases; nil is 3.12.
func DebianSlim(pythonVersion *string) *DockerImage {
	version := "3.12"
	if pythonVersion != nil {
		version = *pythonVersion
	}
	return new(DockerImage).step("debian_slim", version)
}

// FromDockerfile starts from the text of a Dockerfile. [FromDockerfilePath] takes one of this machine with the files it copies.
func FromDockerfile(dockerfile string) *DockerImage {
	return new(DockerImage).step("from_dockerfile_text", dockerfile)
}

// FromDockerfilePath starts from a Dockerfile of this machine, with the local files that its COPY and ADD name. What
// .dockerignore leaves out is not uploaded. A strict context refuses files outside its directory, also behind links.
func FromDockerfilePath(path string, strictContext ...bool) *DockerImage {
	return new(DockerImage).step("from_dockerfile", path, strict(strictContext))
}

// PipInstall installs Python packages with pip, sorted by name.
func (d *DockerImage) PipInstall(packages []string, opts ...func(*options.PipInstall)) *DockerImage {
	return d.step("pip_install", texts(packages), pip(opts, false))
}

// PipInstallFromRequirements installs the Python packages that a requirements file of this machine lists.
func (d *DockerImage) PipInstallFromRequirements(requirementsTxt string, opts ...func(*options.PipInstall)) *DockerImage {
	return d.step("pip_install_from_requirements", requirementsTxt, pip(opts, false))
}

// PipInstallFromPyproject installs the dependencies that a pyproject.toml of this machine lists, and those of the groups given with
// [options.WithOptionalDependencies].
func (d *DockerImage) PipInstallFromPyproject(pyprojectToml string, opts ...func(*options.PipInstall)) *DockerImage {
	return d.step("pip_install_from_pyproject", pyprojectToml, pip(opts, true))
}

// AptGet installs Debian packages with apt-get.
func (d *DockerImage) AptGet(packages []string) *DockerImage {
	return d.step("apt_get", texts(packages))
}

// AddLocalFile copies a file of this machine into the image. If remotePath ends with /, the file keeps its name there.
func (d *DockerImage) AddLocalFile(localPath, remotePath string) *DockerImage {
	return d.step("add_local_file", localPath, remotePath)
}

// AddLocalDir copies what is in a directory of this machine into a directory of the image.
func (d *DockerImage) AddLocalDir(localPath, remotePath string) *DockerImage {
	return d.step("add_local_dir", localPath, remotePath)
}

// Run runs a command of the shell while the image is built. A command of several lines is run as one script.
func (d *DockerImage) Run(command string) *DockerImage {
	return d.step("run_commands", []string{command})
}

// RunCommands runs commands of the shell while the image is built, one after the other.
func (d *DockerImage) RunCommands(commands ...string) *DockerImage {
	return d.step("run_commands", texts(commands))
}

// RunProgram runs a program with its arguments, which the shell leaves as they are, while the image is built.
func (d *DockerImage) RunProgram(arguments ...string) *DockerImage {
	return d.step("run_commands", [][]string{texts(arguments)})
}

// Env sets an environment variable for all later steps and for the sandbox.
func (d *DockerImage) Env(key, value string) *DockerImage {
	return d.step("env", [][]string{{key, value}})
}

// Workdir sets the working directory of all later steps and of the sandbox.
func (d *DockerImage) Workdir(path string) *DockerImage {
	return d.step("workdir", path)
}

// Entrypoint sets the program that the sandbox starts with.
func (d *DockerImage) Entrypoint(cmd []string) *DockerImage {
	return d.step("entrypoint", texts(cmd))
}

// Cmd sets the arguments of the entrypoint, or the command where there is none.
func (d *DockerImage) Cmd(cmd []string) *DockerImage {
	return d.step("cmd", texts(cmd))
}

// User sets the user of all later steps and of the sandbox.
func (d *DockerImage) User(username string) *DockerImage {
	return d.step("user", username)
}

// Copy copies files of the build context, which other steps have put there.
func (d *DockerImage) Copy(source, destination string) *DockerImage {
	return d.step("copy", source, destination)
}

// Add copies files of the build context, or of a URL, and unpacks archives.
func (d *DockerImage) Add(source, destination string) *DockerImage {
	return d.step("add", source, destination)
}

// Expose says which ports the programs of the image listen on.
func (d *DockerImage) Expose(ports []int) *DockerImage {
	return d.step("expose", append([]int{}, ports...))
}

// Label labels the image.
func (d *DockerImage) Label(key, value string) *DockerImage {
	return d.step("label", key, value)
}

// Volume says which directories hold data that is kept apart.
func (d *DockerImage) Volume(paths []string) *DockerImage {
	return d.step("volume", texts(paths))
}

// DockerfileCommands adds instructions of a Dockerfile as they are, with the local files that their COPY and ADD name. The names
// begin at contextDir; "" is the working directory. A strict context refuses files outside it, also behind links.
func (d *DockerImage) DockerfileCommands(commands []string, contextDir string, strictContext ...bool) *DockerImage {
	var directory any
	if contextDir != "" {
		directory = contextDir
	}
	return d.step("dockerfile_commands", texts(commands), directory, strict(strictContext))
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
	request, err := json.Marshal(map[string]any{"image": d.parts, "step": step, "args": args})
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

// texts is a list that is never null in JSON.
func texts(given []string) []string {
	return append([]string{}, given...)
}

func strict(given []bool) map[string]any {
	return map[string]any{"strictContext": len(given) > 0 && given[0]}
}

func pip(opts []func(*options.PipInstall), pyproject bool) map[string]any {
	set := options.Apply(opts...)
	given := map[string]any{
		"findLinks": texts(set.FindLinks), "indexUrl": set.IndexURL, "extraIndexUrls": texts(set.ExtraIndexURLs),
		"pre": set.Pre, "extraOptions": set.ExtraOptions,
	}
	if pyproject {
		given["optionalDependencies"] = texts(set.OptionalDependencies)
	}
	return given
}
