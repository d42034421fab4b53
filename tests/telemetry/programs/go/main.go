// Runs a command that works and one that fails, in a span of the program's own.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	daytonaerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func main() {
	if err := run(inSpan(context.Background())); err != nil {
		log.Fatal(err)
	}
}

func inSpan(ctx context.Context) context.Context {
	traceID, err := trace.TraceIDFromHex(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	spanID, err := trace.SpanIDFromHex(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	state, err := trace.ParseTraceState("vendor=1")
	if err != nil {
		log.Fatal(err)
	}
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled, TraceState: state,
	}))
}

// region: join
// join makes the spans of Daytona's clients children of the program's own.
func join() {
	daytona.SetTracePropagator(func(ctx context.Context, carrier map[string]string) {
		propagation.TraceContext{}.Inject(ctx, propagation.MapCarrier(carrier))
	})
}

// endregion

func run(ctx context.Context) error {
	join()
	client, err := daytona.NewClientWithConfig(&types.DaytonaConfig{OtelEnabled: true})
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	sandbox, err := client.Create(ctx, nil)
	if err != nil {
		return err
	}
	defer sandbox.Delete(ctx)
	if _, err := sandbox.Process.ExecuteCommand(ctx, "true"); err != nil {
		return err
	}
	if _, err := sandbox.FileSystem.GetFileInfo(ctx, "/not/there"); !errors.Is(err, daytonaerrors.ErrNotFound) {
		return err
	}
	fmt.Println(sandbox.ID)
	return nil
}
