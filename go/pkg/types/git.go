package types

import "encoding/json"

// statusUnmodified is what git says of a side on which nothing has changed.
const statusUnmodified = "Unmodified"

// FileStatus is the state of a changed file. The states are Unmodified, Untracked, Modified, Added, Deleted, Renamed, Copied
// and Updated but unmerged.
type FileStatus struct {
	// Name is the path in the repository.
	Name string `json:"name"`
	// Path is Name.
	Path string `json:"-"`
	// Status is the state in one word: that of the worktree, or when nothing has changed there since it was staged, that of the
	// index.
	Status string `json:"-"`
	// Staging is the state in the index.
	Staging string `json:"staging"`
	// Worktree is the state in the worktree.
	Worktree string `json:"worktree"`
	// Extra is the previous path of a renamed file.
	Extra string `json:"extra"`
}

// UnmarshalJSON reads the wire's form.
func (f *FileStatus) UnmarshalJSON(data []byte) error {
	type wire FileStatus
	if err := json.Unmarshal(data, (*wire)(f)); err != nil {
		return err
	}
	f.Path, f.Status = f.Name, f.Worktree
	if f.Status == "" || f.Status == statusUnmodified {
		f.Status = f.Staging
	}
	return nil
}

// Hash is SHA.
func (g GitCommitResponse) Hash() string { return g.SHA }
