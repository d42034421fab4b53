package options

import "time"

// RunCode are options of CodeInterpreterService.RunCode.
type RunCode struct {
	// ContextID is the context to run in. Default: the sandbox's default context.
	ContextID string
	// Env are environment variables of the run.
	Env map[string]string
	// Timeout after which the run is ended. Default: 10 minutes.
	Timeout *time.Duration
}

// WithCustomContext sets the context to run in. Default: the sandbox's default context.
func WithCustomContext(contextID string) func(*RunCode) {
	return func(o *RunCode) { o.ContextID = contextID }
}

// WithEnv sets environment variables of a run.
func WithEnv(env map[string]string) func(*RunCode) {
	return func(o *RunCode) { o.Env = env }
}

// WithInterpreterTimeout sets the time after which a run is ended. Default: 10 minutes.
func WithInterpreterTimeout(timeout time.Duration) func(*RunCode) {
	return func(o *RunCode) { o.Timeout = &timeout }
}

// CreateContext are options of CodeInterpreterService.CreateContextTyped.
type CreateContext struct {
	// Cwd is the working directory. Default: the sandbox's.
	Cwd *string
	// Language of the context. Default: python.
	Language *string
}

// WithContextCwd sets the working directory of a context. Default: the sandbox's.
func WithContextCwd(cwd string) func(*CreateContext) {
	return func(o *CreateContext) { o.Cwd = &cwd }
}

// WithContextLanguage sets the language of a context. Default: python.
func WithContextLanguage(language string) func(*CreateContext) {
	return func(o *CreateContext) { o.Language = &language }
}
