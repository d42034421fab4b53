// Images and snapshots: what sandboxes are made from.
//
//	DAYTONA_API_URL=local go run ./images
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	client, err := daytona.NewClient()
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	fmt.Println("-- science")
	science()
	fmt.Println("-- app")
	if err := app(); err != nil {
		return err
	}
	fmt.Println("-- snapshot")
	return snapshot(ctx, client)
}

func science() {
	// region: science
	version := "3.12"
	image := daytona.DebianSlim(&version).
		PipInstall([]string{"numpy", "pandas>=2", "matplotlib"}).
		Run("apt-get install -y git").
		Env("MPLBACKEND", "Agg").
		Workdir("/home/daytona")
	fmt.Println(image.Dockerfile())
	// endregion
}

func app() error {
	// region: app
	image := daytona.FromDockerfilePath("../data/node-app/Dockerfile").Env("NODE_ENV", "production")
	for _, context := range image.Contexts() {
		fmt.Println("copies", context.ArchivePath)
	}
	return image.Err()
	// endregion
}

func snapshot(ctx context.Context, client *daytona.Client) error {
	// region: snapshot
	// The local engine's own system. Elsewhere: an image of a registry, or a *daytona.DockerImage.
	params := &types.CreateSnapshotParams{
		Name: "base-go", Image: "default", Resources: &types.Resources{CPU: 1, Memory: 1, Disk: 4},
	}
	made, err := client.Snapshot.CreateAndWait(ctx, params, func(line string) { fmt.Println(line) })
	if err != nil {
		return err
	}
	fmt.Println(made.Name, made.State)

	sandbox, err := client.Create(ctx, types.SnapshotParams{Snapshot: made.Name})
	if err != nil {
		return err
	}
	defer sandbox.Delete(context.WithoutCancel(ctx))
	answer, err := sandbox.Process.ExecuteCommand(ctx, "echo made from it")
	if err != nil {
		return err
	}
	fmt.Println(answer.Result)
	return client.Snapshot.Delete(ctx, made)
	// endregion
}
