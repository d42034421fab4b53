package types

import "encoding/json"

// Session is a session: one shell whose directory, variables and functions last from command to command. SessionID has a
// second spelling with the same value.
type Session struct {
	// SessionID is its id.
	SessionID string `json:"sessionId"`
	// SessionId is SessionID.
	SessionId string `json:"-"`
	// Commands are its commands.
	Commands []Command `json:"commands"`
}

// GetSessionId returns the id.
func (s *Session) GetSessionId() string { return orEmpty(s).SessionID }

// GetCommands returns the commands.
func (s *Session) GetCommands() []Command { return orEmpty(s).Commands }

// UnmarshalJSON reads the wire's form.
func (s *Session) UnmarshalJSON(data []byte) error {
	type wire Session
	err := json.Unmarshal(data, (*wire)(s))
	s.SessionId = s.SessionID
	return err
}

// Command is a command of a session. ID has a second spelling with the same value.
type Command struct {
	// ID of the command.
	ID string `json:"id"`
	// Id is ID.
	Id string `json:"-"`
	// Command is its text.
	Command string `json:"command"`
	// ExitCode is its exit code, or nil while it runs.
	ExitCode *int `json:"exitCode,omitempty"`
}

// GetId returns the id.
func (c *Command) GetId() string { return orEmpty(c).ID }

// GetCommand returns the text.
func (c *Command) GetCommand() string { return orEmpty(c).Command }

// GetExitCode returns the exit code, or 0 while the command runs: [Command.HasExitCode] tells.
func (c *Command) GetExitCode() int { return orEmpty(orEmpty(c).ExitCode) }

// HasExitCode tells whether the command has ended.
func (c *Command) HasExitCode() bool { return orEmpty(c).ExitCode != nil }

// UnmarshalJSON reads the wire's form.
func (c *Command) UnmarshalJSON(data []byte) error {
	type wire Command
	err := json.Unmarshal(data, (*wire)(c))
	c.Id = c.ID
	return err
}

// SessionCommandLogsResponse is the log of a command so far.
type SessionCommandLogsResponse struct {
	// Output is standard output and standard error together, in the order they were logged.
	Output string `json:"output"`
	// Stdout is standard output.
	Stdout string `json:"stdout"`
	// Stderr is standard error.
	Stderr string `json:"stderr"`
}

// GetOutput returns standard output and standard error together.
func (l *SessionCommandLogsResponse) GetOutput() string { return orEmpty(l).Output }

// GetStdout returns standard output.
func (l *SessionCommandLogsResponse) GetStdout() string { return orEmpty(l).Stdout }

// GetStderr returns standard error.
func (l *SessionCommandLogsResponse) GetStderr() string { return orEmpty(l).Stderr }

// orEmpty is the value behind a pointer, or the zero value.
func orEmpty[T any](pointer *T) T {
	if pointer == nil {
		return *new(T)
	}
	return *pointer
}
