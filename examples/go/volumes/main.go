// Volumes: files that sandboxes share and that outlive them.
//
//	DAYTONA_API_URL=local go run ./volumes
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func share(ctx context.Context, client *daytona.Client, name string) error {
	// region: share
	volume, err := client.Volume.Get(ctx, name, options.WithGetVolumeCreate(true))
	if err != nil {
		return err
	}
	mount := types.VolumeMount{VolumeID: volume.ID, MountPath: "/home/daytona/shared"}
	params := types.SnapshotParams{SandboxBaseParams: types.SandboxBaseParams{Volumes: []types.VolumeMount{mount}}}
	writer, err := client.Create(ctx, params)
	if err != nil {
		return err
	}
	defer writer.Delete(context.WithoutCancel(ctx))
	reader, err := client.Create(ctx, params)
	if err != nil {
		return err
	}
	defer reader.Delete(context.WithoutCancel(ctx))
	if _, err := writer.Process.ExecuteCommand(ctx, "echo 0.87 > shared/score"); err != nil {
		return err
	}
	score, err := reader.Process.ExecuteCommand(ctx, "cat shared/score")
	if err != nil {
		return err
	}
	fmt.Println(score.Result)
	// endregion
	return nil
}

func subpath(ctx context.Context, client *daytona.Client, name string) error {
	volume, err := client.Volume.Get(ctx, name)
	if err != nil {
		return err
	}
	// region: subpath
	tenant := "tenants/42"
	mount := types.VolumeMount{VolumeID: volume.ID, MountPath: "/home/daytona/mine", Subpath: &tenant}
	sandbox, err := client.Create(ctx, types.SnapshotParams{
		SandboxBaseParams: types.SandboxBaseParams{Volumes: []types.VolumeMount{mount}},
	})
	if err != nil {
		return err
	}
	defer sandbox.Delete(context.WithoutCancel(ctx))
	_, err = sandbox.Process.ExecuteCommand(ctx, "echo private > mine/notes")
	// endregion
	return err
}

func manage(ctx context.Context, client *daytona.Client, name string) error {
	shared, err := client.Volume.Get(ctx, name)
	if err != nil {
		return err
	}
	if err := client.Volume.Delete(ctx, shared); err != nil {
		return err
	}
	// region: manage
	volume, err := client.Volume.Create(ctx, name+"-next")
	if err != nil {
		return err
	}
	volume, err = client.Volume.WaitForReady(ctx, volume, time.Minute)
	if err != nil {
		return err
	}
	volumes, err := client.Volume.List(ctx)
	if err != nil {
		return err
	}
	for _, known := range volumes {
		fmt.Println(known.Name)
	}
	err = client.Volume.Delete(ctx, volume)
	// endregion
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := daytona.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(context.Background())
	name := fmt.Sprintf("example-%d-%d", os.Getpid(), time.Now().UnixNano())
	for _, part := range []func(context.Context, *daytona.Client, string) error{share, subpath, manage} {
		if err := part(ctx, client, name); err != nil {
			log.Fatal(err)
		}
	}
}
