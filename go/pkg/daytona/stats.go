package daytona

import "github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"

// Stats tells what is alive in this process. All numbers return to zero when a program has let go of everything.
type Stats struct {
	// Calls in flight.
	Calls int
	// Streams that are open: logs, runs, terminals, transfers.
	Streams int
	// Clients that have not been closed.
	Clients int
}

// DebugStats returns what is alive now. It is for tests that look for leaks.
func DebugStats() Stats {
	return Stats(ffi.DebugStats())
}
