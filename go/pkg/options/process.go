package options

import (
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// ExecuteCommand are options of ProcessService.ExecuteCommand.
type ExecuteCommand struct {
	// Cwd is the working directory. Default: the sandbox's.
	Cwd *string
	// Env are environment variables of the command.
	Env map[string]string
	// Timeout after which the command is killed. Default: none.
	Timeout *time.Duration
}

// WithCwd sets the working directory of a command. Default: the sandbox's.
func WithCwd(cwd string) func(*ExecuteCommand) {
	return func(o *ExecuteCommand) { o.Cwd = &cwd }
}

// WithCommandEnv sets environment variables of a command.
func WithCommandEnv(env map[string]string) func(*ExecuteCommand) {
	return func(o *ExecuteCommand) { o.Env = env }
}

// WithExecuteTimeout sets the time after which a command is killed. Default: none.
func WithExecuteTimeout(timeout time.Duration) func(*ExecuteCommand) {
	return func(o *ExecuteCommand) { o.Timeout = &timeout }
}

// CodeRun are options of ProcessService.CodeRun.
type CodeRun struct {
	// Params are arguments of the program.
	Params *types.CodeRunParams
	// Timeout after which the program is killed. Default: none.
	Timeout *time.Duration
	// Language of the program. Default: that of Params, else the sandbox's.
	Language types.CodeLanguage
}

// WithCodeRunParams sets arguments of a program.
func WithCodeRunParams(params types.CodeRunParams) func(*CodeRun) {
	return func(o *CodeRun) { o.Params = &params }
}

// WithCodeRunTimeout sets the time after which a program is killed. Default: none.
func WithCodeRunTimeout(timeout time.Duration) func(*CodeRun) {
	return func(o *CodeRun) { o.Timeout = &timeout }
}

// WithCodeRunLanguage sets the language of a program. Default: the sandbox's.
func WithCodeRunLanguage(language types.CodeLanguage) func(*CodeRun) {
	return func(o *CodeRun) { o.Language = language }
}

// ExecuteSessionCommand are options of ProcessService.ExecuteSessionCommandTyped.
type ExecuteSessionCommand struct {
	// RunAsync returns at once; the command goes on.
	RunAsync bool
	// SuppressInputEcho keeps input that is sent to the command out of its log.
	SuppressInputEcho bool
	// Timeout of the call; the command goes on. Default: none.
	Timeout *time.Duration
}

// WithRunAsync tells whether to return at once. Default: false.
func WithRunAsync(runAsync bool) func(*ExecuteSessionCommand) {
	return func(o *ExecuteSessionCommand) { o.RunAsync = runAsync }
}

// WithSuppressInputEcho tells whether to keep input out of the log. Default: false.
func WithSuppressInputEcho(suppress bool) func(*ExecuteSessionCommand) {
	return func(o *ExecuteSessionCommand) { o.SuppressInputEcho = suppress }
}

// WithSessionCommandTimeout limits the call, not the command. Default: none.
func WithSessionCommandTimeout(timeout time.Duration) func(*ExecuteSessionCommand) {
	return func(o *ExecuteSessionCommand) { o.Timeout = &timeout }
}

// PtySession are options of ProcessService.CreatePtySession.
type PtySession struct {
	// PtySize is the size of the terminal. Default: 80 columns, 24 rows.
	PtySize *types.PtySize
	// Env are environment variables of the shell.
	Env map[string]string
	// Cwd is the directory the shell starts in. Default: the sandbox's.
	Cwd *string
}

// WithPtySize sets the size of a terminal. Default: 80 columns, 24 rows.
func WithPtySize(size types.PtySize) func(*PtySession) {
	return func(o *PtySession) { o.PtySize = &size }
}

// WithPtyEnv sets environment variables of the shell.
func WithPtyEnv(env map[string]string) func(*PtySession) {
	return func(o *PtySession) { o.Env = env }
}

// WithPtyCwd sets the directory the shell starts in. Default: the sandbox's.
func WithPtyCwd(cwd string) func(*PtySession) {
	return func(o *PtySession) { o.Cwd = &cwd }
}

// CreatePty are options of ProcessService.CreatePty.
type CreatePty struct {
	// PtySize is the size of the terminal. Default: 80 columns, 24 rows.
	PtySize *types.PtySize
	// Env are environment variables of the shell.
	Env map[string]string
	// Cwd is the directory the shell starts in. Default: the sandbox's.
	Cwd *string
}

// WithCreatePtySize sets the size of a terminal. Default: 80 columns, 24 rows.
func WithCreatePtySize(ptySize types.PtySize) func(*CreatePty) {
	return func(o *CreatePty) { o.PtySize = &ptySize }
}

// WithCreatePtyEnv sets environment variables of the shell.
func WithCreatePtyEnv(env map[string]string) func(*CreatePty) {
	return func(o *CreatePty) { o.Env = env }
}

// WithCreatePtyCwd sets the directory the shell starts in. Default: the sandbox's.
func WithCreatePtyCwd(cwd string) func(*CreatePty) {
	return func(o *CreatePty) { o.Cwd = &cwd }
}
