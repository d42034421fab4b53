package daytona

import "github.com/daytonaio/daytona/libs/sdk-go/internal/api"

// FileSystemService has the files of a sandbox. Relative paths start at the sandbox's working directory.
//
// The methods whose name ends with Typed return structs; their twins return the same as maps.
type FileSystemService struct {
	caller api.Caller
}

// VolumeService has the volumes of the organization: directories that sandboxes share and that outlive them.
type VolumeService struct {
	caller api.Caller
}

// GitService has the git repositories in a sandbox. The path that every method takes is the repository's directory.
//
// Every method that works on a repository fails with ErrGitRepoNotFound (ErrNotFound) when there is none. Credentials are used
// for the one call and stored nowhere.
type GitService struct {
	caller api.Caller
}
