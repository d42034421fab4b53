// The life of a sandbox: pause, stop, archive, size, copies, intervals.
//
//	DAYTONA_API_URL=local go run ./life
package main

import (
	"context"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"

	"examples/program"
)

func main() {
	program.Main(
		program.Part{Name: "pause", Run: pause},
		program.Part{Name: "archive", Run: archive},
		program.Part{Name: "resize", Run: resize},
		program.Part{Name: "fork", Run: fork},
		program.Part{Name: "intervals", Run: intervals},
		program.Part{Name: "environment", Run: environment},
		program.Part{Name: "metrics", Run: metrics},
	)
}

func pause(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: pause
	if err := sandbox.Pause(ctx); err != nil { // Its processes stand still and keep their memory.
		return err
	}
	fmt.Println(sandbox.State)
	if err := sandbox.Start(ctx); err != nil {
		return err
	}
	// endregion
	fmt.Println(sandbox.State)
	return nil
}

func archive(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: archive
	if _, err := sandbox.Process.ExecuteCommand(ctx, "echo kept > note"); err != nil {
		return err
	}
	if err := sandbox.Stop(ctx); err != nil {
		return err
	}
	if err := sandbox.Archive(ctx); err != nil {
		return err
	}
	if err := sandbox.Start(ctx); err != nil {
		return err
	}
	kept, err := sandbox.Process.ExecuteCommand(ctx, "cat note")
	if err != nil {
		return err
	}
	fmt.Println(kept.Result)
	// endregion
	return nil
}

func resize(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: resize
	if err := sandbox.Resize(ctx, &types.Resources{CPU: 2, Memory: 2}); err != nil { // While it runs.
		return err
	}
	if err := sandbox.Stop(ctx); err != nil {
		return err
	}
	if err := sandbox.Resize(ctx, &types.Resources{Disk: 5}); err != nil { // A disk takes a stopped sandbox.
		return err
	}
	if err := sandbox.Start(ctx); err != nil {
		return err
	}
	fmt.Println(sandbox.Cpu, sandbox.Memory, sandbox.Disk)
	// endregion
	return nil
}

func fork(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: fork
	if _, err := sandbox.Process.ExecuteCommand(ctx, "echo original > note"); err != nil {
		return err
	}
	copied, err := sandbox.Fork(ctx, nil)
	if err != nil {
		return err
	}
	defer copied.Delete(ctx)
	answer, err := copied.Process.ExecuteCommand(ctx, "echo copied >> note; cat note")
	if err != nil {
		return err
	}
	fmt.Println(answer.Result)
	// endregion
	return nil
}

func intervals(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: intervals
	stop, archive, remove := 30, 60, 24*60
	if err := sandbox.SetAutoStopInterval(ctx, &stop); err != nil { // Minutes without activity.
		return err
	}
	if err := sandbox.SetAutoArchiveInterval(ctx, &archive); err != nil { // Minutes since it stopped.
		return err
	}
	if err := sandbox.SetAutoDeleteInterval(ctx, &remove); err != nil {
		return err
	}
	if err := sandbox.SetTTL(ctx, 7*24*60); err != nil { // Minutes from now, whatever its state.
		return err
	}
	if err := sandbox.RefreshActivity(ctx); err != nil {
		return err
	}
	// endregion
	fmt.Println(sandbox.AutoStopInterval)
	return nil
}

func environment(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: environment
	set := map[string]string{"STAGE": "test"}
	if _, err := sandbox.UpdateEnv(ctx, options.WithEnvSet(set), options.WithEnvUnset("OLDPWD")); err != nil {
		return err
	}
	answer, err := sandbox.Process.ExecuteCommand(ctx, "echo $STAGE")
	if err != nil {
		return err
	}
	fmt.Println(answer.Result)
	// endregion
	return nil
}

func metrics(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: metrics
	now, err := sandbox.GetMetricsLatest(ctx)
	if err != nil {
		return err
	}
	fmt.Println(now.MemUsed, "of", now.MemTotal)
	moments, err := sandbox.GetMetrics(ctx) // Of the last hour.
	if err != nil {
		return err
	}
	for _, at := range moments {
		fmt.Println(at.Timestamp, at.CPUUsedPct)
	}
	// endregion
	return nil
}
