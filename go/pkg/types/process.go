package types

// PtySize is the size of a terminal in characters.
type PtySize struct {
	// Rows, 1 to 1000.
	Rows int
	// Cols, 1 to 1000.
	Cols int
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
