package options

import "time"

// CreateSandbox are options of Client.Create.
type CreateSandbox struct {
	// Timeout until the sandbox has started. Default: 60 s.
	Timeout *time.Duration
	// WaitForStart tells whether to wait until the sandbox has started.
	WaitForStart bool
	// Keep leaves the sandbox in place when Create is cancelled or times out.
	Keep bool
	// LogChannel is for the log of a build.
	LogChannel chan string
}

// WithTimeout limits how long creating may take. Default: 60 s.
func WithTimeout(timeout time.Duration) func(*CreateSandbox) {
	return func(o *CreateSandbox) { o.Timeout = &timeout }
}

// WithWaitForStart tells whether Create waits until the sandbox has started. Default: true.
func WithWaitForStart(waitForStart bool) func(*CreateSandbox) {
	return func(o *CreateSandbox) { o.WaitForStart = waitForStart }
}

// WithKeep tells whether a Create that is cancelled or times out leaves the sandbox in place. Default: false, it is deleted.
func WithKeep(keep bool) func(*CreateSandbox) {
	return func(o *CreateSandbox) { o.Keep = keep }
}

// WithLogChannel sets a channel for the log of a build. Sandboxes of this version are not built: nothing is sent, and the channel
// stays open and the caller's.
func WithLogChannel(logChannel chan string) func(*CreateSandbox) {
	return func(o *CreateSandbox) { o.LogChannel = logChannel }
}

// StartSandbox are options of Client.Start.
type StartSandbox struct {
	// Timeout until the sandbox has started. Default: 60 s.
	Timeout *time.Duration
}

// WithStartTimeout limits how long starting may take. Default: 60 s.
func WithStartTimeout(timeout time.Duration) func(*StartSandbox) {
	return func(o *StartSandbox) { o.Timeout = &timeout }
}

// StopSandbox are options of Client.Stop.
type StopSandbox struct {
	// Timeout until the sandbox has stopped. Default: 60 s.
	Timeout *time.Duration
	// Force kills the processes at once.
	Force bool
}

// WithStopTimeout limits how long stopping may take. Default: 60 s.
func WithStopTimeout(timeout time.Duration) func(*StopSandbox) {
	return func(o *StopSandbox) { o.Timeout = &timeout }
}

// WithForceStop tells whether to kill the processes at once. Default: false.
func WithForceStop(force bool) func(*StopSandbox) {
	return func(o *StopSandbox) { o.Force = force }
}

// DeleteSandbox are options of Client.Delete.
type DeleteSandbox struct {
	// Timeout of deleting. Default: 60 s.
	Timeout *time.Duration
	// Wait tells whether to wait until the sandbox is gone.
	Wait bool
}

// WithDeleteTimeout limits how long deleting may take. Default: 60 s.
func WithDeleteTimeout(timeout time.Duration) func(*DeleteSandbox) {
	return func(o *DeleteSandbox) { o.Timeout = &timeout }
}

// WithDeleteWait tells whether to wait until the sandbox is gone. Default: false.
func WithDeleteWait(wait bool) func(*DeleteSandbox) {
	return func(o *DeleteSandbox) { o.Wait = wait }
}
