// Package options has the optional arguments of the Daytona SDK: functions to be passed last.
//
//	sandbox.Process.ExecuteCommand(ctx, "ls", options.WithCwd("/tmp"), options.WithExecuteTimeout(5*time.Second))
//
// Timeouts count from the call; 0 means no limit. The context limits every call as well.
package options

// Apply makes a set of options; nil functions are skipped.
func Apply[T any](opts ...func(*T)) *T {
	set := new(T)
	for _, opt := range opts {
		if opt != nil {
			opt(set)
		}
	}
	return set
}
