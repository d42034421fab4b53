package options

import (
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// Spawn are options of ProcessService.Spawn.
type Spawn struct {
	// Cwd is the working directory. Default: the sandbox's.
	Cwd *string
	// Env are environment variables of the process. They reach it through a pipe, never through a file.
	Env map[string]string
	// Stdin tells whether standard input is open for writing. Default: false, which is at end of file from the start.
	Stdin bool
}

// WithSpawnCwd sets the working directory of a process. Default: the sandbox's.
func WithSpawnCwd(cwd string) func(*Spawn) {
	return func(o *Spawn) { o.Cwd = &cwd }
}

// WithSpawnEnv sets environment variables of a process. They reach it through a pipe, never through a file.
func WithSpawnEnv(env map[string]string) func(*Spawn) {
	return func(o *Spawn) { o.Env = env }
}

// WithStdin tells whether standard input is open for writing. Default: false, which is at end of file from the start.
func WithStdin(stdin bool) func(*Spawn) {
	return func(o *Spawn) { o.Stdin = stdin }
}

// Output are options of the readers of a SpawnedProcess.
type Output struct {
	// Follow tells whether to go on until the process ends. Default: true.
	Follow *bool
}

// WithFollow tells whether a reader goes on until the process ends, or ends with what has been written so far. Default: true.
func WithFollow(follow bool) func(*Output) {
	return func(o *Output) { o.Follow = &follow }
}

// Wait are options of SpawnedProcess.Wait and ProcessService.WaitForPort.
type Wait struct {
	// Timeout of the wait.
	Timeout *time.Duration
}

// WithWaitTimeout limits a wait.
func WithWaitTimeout(timeout time.Duration) func(*Wait) {
	return func(o *Wait) { o.Timeout = &timeout }
}

// WaitForLog are options of ProcessService.WaitForLog and SpawnedProcess.WaitForLog.
type WaitForLog struct {
	// Regex tells whether the pattern is a regular expression. Default: false, a plain text.
	Regex bool
	// Channel is the one output to look at. Default: both.
	Channel *types.OutputChannel
	// Timeout of the wait. Default: 60 s.
	Timeout *time.Duration
}

// WithRegex tells whether the pattern is a regular expression, without look-around and back-references. Default: false, a
// plain text.
func WithRegex(regex bool) func(*WaitForLog) {
	return func(o *WaitForLog) { o.Regex = regex }
}

// WithLogOutput sets the one output to look at. Default: both.
func WithLogOutput(channel types.OutputChannel) func(*WaitForLog) {
	return func(o *WaitForLog) { o.Channel = &channel }
}

// WithLogTimeout limits the wait for a line. Default: 60 s.
func WithLogTimeout(timeout time.Duration) func(*WaitForLog) {
	return func(o *WaitForLog) { o.Timeout = &timeout }
}
