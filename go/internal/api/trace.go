package api

import (
	"context"
	"encoding/json"
	"sync/atomic"
)

// propagator puts the span of a context into a carrier; nil when the program has none.
var propagator atomic.Pointer[func(ctx context.Context, carrier map[string]string)]

// SetPropagator sets the function that finds the span of a context.
func SetPropagator(inject func(ctx context.Context, carrier map[string]string)) {
	if inject == nil {
		propagator.Store(nil)
		return
	}
	propagator.Store(&inject)
}

// trace is the member of a request that names the span of the caller, with a comma before it, or "".
func trace(ctx context.Context) string {
	inject := propagator.Load()
	if inject == nil {
		return ""
	}
	carrier := map[string]string{}
	(*inject)(ctx, carrier)
	if carrier["traceparent"] == "" {
		return ""
	}
	encoded, err := json.Marshal(map[string]string{"parent": carrier["traceparent"], "state": carrier["tracestate"]})
	if err != nil {
		return ""
	}
	return `,"trace":` + string(encoded)
}
