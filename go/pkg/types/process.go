package types

import (
	"encoding/json"
	"time"
)

// PtySize is the size of a terminal in characters.
type PtySize struct {
	// Rows, 1 to 1000.
	Rows int
	// Cols, 1 to 1000.
	Cols int
}

// PtyResult tells how a terminal ended.
type PtyResult struct {
	// ExitCode of the shell, or nil when it is not known.
	ExitCode *int `json:"exitCode"`
	// Error tells why the terminal broke, or is nil.
	Error *string `json:"error"`
}

// PtySessionInfo describes a terminal session. ID, CWD and ProcessID have a second spelling with the same value.
type PtySessionInfo struct {
	// ID of the session.
	ID string
	// Id is ID.
	Id string
	// Active tells whether its shell runs.
	Active bool
	// CWD is the directory its shell started in.
	CWD string
	// Cwd is CWD.
	Cwd string
	// Cols is the width in characters.
	Cols int
	// Rows is the height in characters.
	Rows int
	// Envs are the environment variables it was created with.
	Envs map[string]string
	// ProcessID is the id of its shell, or nil: most servers do not tell.
	ProcessID *int
	// ProcessId is ProcessID.
	ProcessId *int
	// CreatedAt is when it was created.
	CreatedAt time.Time
}

// UnmarshalJSON reads the wire's form.
func (p *PtySessionInfo) UnmarshalJSON(data []byte) error {
	var wire struct {
		ID        string            `json:"id"`
		Active    bool              `json:"active"`
		Cwd       string            `json:"cwd"`
		Cols      int               `json:"cols"`
		Rows      int               `json:"rows"`
		Envs      map[string]string `json:"envs"`
		ProcessID *int              `json:"processId"`
		CreatedAt string            `json:"createdAt"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*p = PtySessionInfo{
		ID: wire.ID, Id: wire.ID, Active: wire.Active, CWD: wire.Cwd, Cwd: wire.Cwd, Cols: wire.Cols, Rows: wire.Rows,
		Envs: wire.Envs, ProcessID: wire.ProcessID, ProcessId: wire.ProcessID, CreatedAt: parseTime(wire.CreatedAt),
	}
	return nil
}

// ExecutionError is the exception that ended a run of the code interpreter.
type ExecutionError struct {
	// Name is its class, for example ValueError.
	Name string `json:"name"`
	// Value is its message.
	Value string `json:"value"`
	// Traceback is where it happened, or nil.
	Traceback *string `json:"traceback"`
}

// ExecutionResult is the result of a run of the code interpreter.
type ExecutionResult struct {
	// Stdout is everything written to standard output.
	Stdout string
	// Stderr is everything written to standard error.
	Stderr string
	// Charts the run showed. The code interpreter's protocol does not carry charts: use CodeRun for them.
	Charts []Chart
	// Error is the exception that ended the run, or nil.
	Error *ExecutionError
}

// OutputMessage is a piece of a run's output.
type OutputMessage struct {
	// Type is stdout or stderr.
	Type string `json:"type"`
	// Text is the output.
	Text string `json:"text"`
	// Name of the exception, for the type error.
	Name string `json:"name"`
	// Value of the exception, for the type error.
	Value string `json:"value"`
	// Traceback of the exception, for the type error.
	Traceback string `json:"traceback"`
}

// LogChunk is a piece of a log.
type LogChunk struct {
	// Stderr tells whether it was written to standard error rather than standard output.
	Stderr bool
	// Data are the bytes as they were written; a piece may end in the middle of a character.
	Data []byte
}
