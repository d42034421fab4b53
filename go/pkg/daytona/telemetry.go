package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
)

// SetTracePropagator makes the spans of clients with OtelEnabled children of the program's own. The function puts the
// headers traceparent and tracestate of the span in a context into the carrier; nil takes it away. It is called with every call of
// such a client, and must be safe for concurrent use.
//
// With OpenTelemetry's API, which this module does not need:
//
//	daytona.SetTracePropagator(func(ctx context.Context, carrier map[string]string) {
//		propagation.TraceContext{}.Inject(ctx, propagation.MapCarrier(carrier))
//	})
func SetTracePropagator(inject func(ctx context.Context, carrier map[string]string)) {
	api.SetPropagator(inject)
}
