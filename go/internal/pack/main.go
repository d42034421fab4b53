// Pack makes the modules that people install: the sources with the native library in them, under both documented paths, and
// the command with the local engine's program in it. Its output is a directory that serves as a GOPROXY:
//
//	go run ./internal/pack -library libdaytona_c.a -program daytona -root .. -out ../dist/go
//
// Files that git ignores are left out, the native ones are put in: a module without its library cannot be repaired,
// because a published version is for ever. So the last thing done is to read the archive back and compare.
package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strings"
)

const (
	// modulePath is the path of the sources.
	modulePath = "github.com/daytonaio/daytona/libs/sdk-go"
	// newPath is where the same module is documented since 0.192, with the other form of Client.List.
	newPath = "github.com/daytona/clients/sdk-go"
	// command is the directory of the module with the local engine's program.
	command = "cmd/daytona"
)

func main() {
	library := flag.String("library", "", "static library")
	program := flag.String("program", "", "the daytona program")
	root := flag.String("root", "", "directory of the repository, with the license and what tells those of others")
	out := flag.String("out", "", "directory to write")
	flag.Parse()
	if err := pack(*library, *program, *root, *out); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(library, program, root, out string) error {
	platform := runtime.GOOS + "_" + runtime.GOARCH
	version, err := packageVersion()
	if err != nil {
		return err
	}
	files, err := sources(".")
	if err != nil {
		return err
	}
	if err := addLibrary(files, library, platform); err != nil {
		return err
	}
	if err := addTerms(files, root, "daytona-c"); err != nil {
		return err
	}
	if err := write(modulePath, files, version, out); err != nil {
		return err
	}
	if err := write(newPath, moved(files), version, out); err != nil {
		return err
	}
	if files, err = sources(command); err != nil {
		return err
	}
	if err := addProgram(files, program, platform); err != nil {
		return err
	}
	if err := addTerms(files, root, "daytona-cli"); err != nil {
		return err
	}
	return write(modulePath+"/"+command, files, version, out)
}

// addTerms adds the license, and those of what is linked into the native part.
func addTerms(files map[string][]byte, root, linked string) (err error) {
	if files["LICENSE"], err = os.ReadFile(filepath.Join(root, "LICENSE")); err != nil {
		return err
	}
	licenses := exec.Command(filepath.Join(root, "scripts", "licenses"), linked)
	licenses.Stderr = os.Stderr
	files["THIRD_PARTY_LICENSES.txt"], err = licenses.Output()
	return err
}

// moved is the module under its new path: other imports, and the form of Client.List that is documented there.
func moved(files map[string][]byte) map[string][]byte {
	replaced := strings.NewReplacer(
		modulePath, newPath,
		"//go:build daytona_list_query", "//go:build !daytona_list_labels",
		"//go:build !daytona_list_query", "//go:build daytona_list_labels",
		"-tags daytona_list_query", "-tags daytona_list_labels",
		// Both modules may be in one program.
		"daytonaGoComplete", "daytonaGoCompleteClients",
	)
	result := map[string][]byte{}
	for name, content := range files {
		switch filepath.Ext(name) {
		case ".go", ".h", ".mod":
			content = []byte(replaced.Replace(string(content)))
		}
		result[name] = content
	}
	return result
}

var versionLine = regexp.MustCompile(`(?m)^const Version = "(.+)"$`)

// packageVersion is the version in the generated code, which all packages share.
func packageVersion() (string, error) {
	text, err := os.ReadFile("pkg/daytona/generated_types.go")
	if err != nil {
		return "", err
	}
	found := versionLine.FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("pkg/daytona/generated_types.go has no version")
	}
	return "v" + string(found[1]), nil
}

// sources are the files below a module's directory that are part of it: no other module, no build files, nothing built.
func sources(root string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch name = filepath.ToSlash(name); {
		case entry.IsDir():
			if name == "internal/pack" || name == "internal/ffi/lib" || name == command {
				return fs.SkipDir
			}
			return nil
		case built(path):
			return nil
		}
		files[name], err = os.ReadFile(path)
		return err
	})
	return files, err
}

func built(path string) bool {
	name := filepath.Base(path)
	return name == "Makefile" || name == ".gitignore" || strings.HasPrefix(name, "archive_") ||
		strings.HasPrefix(name, "embedded_") || strings.HasSuffix(name, ".gz")
}

// addLibrary adds the library, and its hash, by which the compiler notices another one.
func addLibrary(files map[string][]byte, library, platform string) error {
	reduced, err := reduce(library, "internal/ffi/daytona.h")
	if err != nil {
		return err
	}
	files["internal/ffi/lib/"+platform+"/libdaytona.a"] = reduced
	files["internal/ffi/archive_"+platform+".go"] = []byte(fmt.Sprintf(
		"package ffi\n\n// #cgo CFLAGS: -DDAYTONA_ARCHIVE_%s\nimport \"C\"\n", hash(reduced)))
	return nil
}

// addProgram adds the compressed program and the file that embeds it.
func addProgram(files map[string][]byte, program, platform string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var compressed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := writer.Write(content); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	files["daytona_"+platform+".gz"] = compressed.Bytes()
	files["embedded_"+platform+".go"] = []byte(fmt.Sprintf(`package main

import _ "embed"

//go:embed daytona_%s.gz
var embedded []byte

func init() {
	compressed, checksum = embedded, %q
}
`, platform, hash(content)))
	return nil
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// write writes the module in the form of a GOPROXY, and reads it back.
func write(module string, files map[string][]byte, version, out string) error {
	directory := filepath.Join(out, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	archive, err := zipped(module, files, version)
	if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]string{"Version": version})
	if err != nil {
		return err
	}
	written := map[string][]byte{
		"list": []byte(version + "\n"), version + ".info": info, version + ".mod": files["go.mod"], version + ".zip": archive,
	}
	for name, content := range written {
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o644); err != nil {
			return err
		}
	}
	return verify(filepath.Join(directory, version+".zip"), module, files, version)
}

func zipped(module string, files map[string][]byte, version string) ([]byte, error) {
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	for _, name := range names(files) {
		file, err := writer.Create(module + "@" + version + "/" + name)
		if err != nil {
			return nil, err
		}
		if _, err := file.Write(files[name]); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return archive.Bytes(), err
}

// verify reads the archive back, lists what it contains and compares it with what should be there.
func verify(path, module string, files map[string][]byte, version string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	seen := 0
	for _, file := range archive.File {
		name := strings.TrimPrefix(file.Name, module+"@"+version+"/")
		content, err := read(file)
		if err != nil {
			return err
		}
		if !bytes.Equal(content, files[name]) {
			return fmt.Errorf("%s differs in the archive", name)
		}
		fmt.Printf("%10d  %s\n", len(content), name)
		seen++
	}
	if seen != len(files) {
		return fmt.Errorf("the archive has %d files, not %d", seen, len(files))
	}
	fmt.Println(path)
	return nil
}

func read(file *zip.File) ([]byte, error) {
	reader, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return io.ReadAll(reader)
}

func names(files map[string][]byte) []string {
	var sorted []string
	for name := range files {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	return sorted
}
