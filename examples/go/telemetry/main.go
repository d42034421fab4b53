// Telemetry: a span and a duration for every operation, sent to a collector.
//
//	DAYTONA_API_URL=local OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 go run ./telemetry
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func main() {
	result, err := hello(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(result)
}

// region: enable
func hello(ctx context.Context) (string, error) {
	client, err := daytona.NewClientWithConfig(&types.DaytonaConfig{OtelEnabled: true})
	if err != nil {
		return "", err
	}
	// What waits is sent when the client is closed.
	defer client.Close(ctx)
	sandbox, err := client.Create(ctx, nil)
	if err != nil {
		return "", err
	}
	defer sandbox.Delete(ctx)
	result, err := sandbox.Process.ExecuteCommand(ctx, "echo hello")
	if err != nil {
		return "", err
	}
	return result.Result, nil
}

// endregion
