package daytona

import (
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// sandbox makes a sandbox of what the server said.
func (c *Client) sandbox(s *Sandbox, err error) (*Sandbox, error) {
	if err != nil {
		return nil, err
	}
	s.client = c
	caller := c.caller.For(s.ID, s.ToolboxProxyURL)
	s.FileSystem = &FileSystemService{caller: caller}
	s.Fs = s.FileSystem
	s.Git = &GitService{caller: caller}
	s.Process = &ProcessService{caller: caller, language: types.CodeLanguage(s.Labels[types.CodeToolboxLanguageLabel])}
	s.CodeInterpreter = &CodeInterpreterService{caller: caller}
	s.Network = &NetworkService{caller: caller}
	s.ComputerUse = &ComputerUseService{caller: caller}
	return s, nil
}

// update takes over what the server said.
func (s *Sandbox) update(said *Sandbox, err error) error {
	if err == nil {
		s.takeOver(said)
	}
	return err
}

// String names the sandbox and its state.
func (s *Sandbox) String() string {
	return fmt.Sprintf("Sandbox{ID: %q, Name: %q, State: %s}", s.ID, s.Name, s.State)
}

// Equal reports whether other is the same sandbox: whether both have the same id.
func (s *Sandbox) Equal(other *Sandbox) bool {
	return s == other || (s != nil && other != nil && s.ID == other.ID)
}

func (s *Sandbox) setLabels(labels map[string]string, err error) error {
	if err == nil {
		s.Labels = labels
	}
	return err
}

// set takes over a value that a call has set.
func set[T any](field *T, value T, err error) error {
	if err == nil {
		*field = value
	}
	return err
}
