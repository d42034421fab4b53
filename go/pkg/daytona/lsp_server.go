package daytona

import (
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// LspServerService is a language server: completions, symbols, definitions and more, for a language and a project. Each such pair
// has a server of its own, which runs from Start until Stop or the end of the sandbox.
//
// The methods whose name ends with Typed return what their twins return in an any.
type LspServerService struct {
	caller api.Caller
	info   types.LspServerInfo
}

// CreateLspServer makes a language server for a project. No request is made yet: Start starts it.
//
// Parameters:
//   - languageID: language of the server.
//   - pathToProject: directory of the project; a relative path begins at the sandbox's working directory.
func (s *Sandbox) CreateLspServer(languageID types.LspLanguageID, pathToProject string) *LspServerService {
	info := types.LspServerInfo{LanguageID: languageID, PathToProject: pathToProject}
	return &LspServerService{caller: s.client.caller.For(s.ID, s.ToolboxProxyURL), info: info}
}

// Lsp does the same as [Sandbox.CreateLspServer].
func (s *Sandbox) Lsp(languageID types.LspLanguageID, projectPath string) *LspServerService {
	return s.CreateLspServer(languageID, projectPath)
}

// Info has the language and the project.
func (l *LspServerService) Info() types.LspServerInfo { return l.info }

// String names the language and the project.
func (l *LspServerService) String() string {
	return fmt.Sprintf("LspServerService{LanguageID: %q, PathToProject: %q}", l.info.LanguageID, l.info.PathToProject)
}

// untyped is a result as an any.
func untyped[T any](value *T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return value, nil
}

// eachUntyped is a result whose items are any.
func eachUntyped[T any](items []T, err error) ([]any, error) {
	if err != nil {
		return nil, err
	}
	all := make([]any, len(items))
	for i, item := range items {
		all[i] = item
	}
	return all, nil
}
