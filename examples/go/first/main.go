// First: a sandbox, a command, its output.
//
//	DAYTONA_API_URL=local go run ./first
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
)

// region: first
func hello(ctx context.Context) error {
	client, err := daytona.NewClient()
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	sandbox, err := client.Create(ctx, nil)
	if err != nil {
		return err
	}
	defer sandbox.Delete(context.WithoutCancel(ctx)) // Also after Ctrl-C.
	response, err := sandbox.Process.ExecuteCommand(ctx, "echo hello")
	if err != nil {
		return err
	}
	fmt.Println(response.Result)
	return nil
}

// endregion

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := hello(ctx); err != nil {
		log.Fatal(err)
	}
}
