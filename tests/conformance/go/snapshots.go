package main

import (
	"context"
	"sync"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func (c call) createWithLogs(ctx context.Context, opts arguments) (any, error) {
	channel, lines := make(chan string), []string{}
	var reading sync.WaitGroup
	reading.Add(1)
	go func() {
		defer reading.Done()
		for line := range channel {
			lines = append(lines, line)
		}
	}()
	sandbox, err := c.client.Create(ctx, createParams(c.args.object("params")), options.WithLogChannel(channel), func(o *options.CreateSandbox) {
		given(opts, "timeout", &o.Timeout)
		given(opts, "waitForStart", &o.WaitForStart)
		given(opts, "keep", &o.Keep)
	})
	close(channel)
	reading.Wait()
	if err != nil {
		return nil, err
	}
	made, err := wire(sandbox)
	if err != nil {
		return nil, err
	}
	return wire(map[string]any{"lines": lines, "sandbox": made})
}

func (c call) snapshot(ctx context.Context, op string, opts arguments) (any, error) {
	switch op {
	case "snapshot.create", "snapshot.create_with_logs":
		return c.createSnapshot(ctx, op, opts)
	}
	// A snapshot of which no more than its name or id is known.
	named := &types.Snapshot{ID: c.args.text("idOrName")}
	switch op {
	case "snapshot.get":
		return c.result(c.client.Snapshot.Get(ctx, named.ID))
	case "snapshot.activate":
		return c.result(c.client.Snapshot.Activate(ctx, named))
	case "snapshot.deactivate":
		return nil, c.client.Snapshot.Deactivate(ctx, named)
	default:
		return nil, c.client.Snapshot.Delete(ctx, named)
	}
}

func (c call) createSnapshot(ctx context.Context, op string, opts arguments) (any, error) {
	asked := c.args.object("params")
	image := asked["image"]
	if asked.has("dockerfile") {
		image = daytona.FromDockerfile(into[string](asked, "dockerfile"))
	}
	params := &types.CreateSnapshotParams{
		Name: into[string](asked, "name"), Image: image, Resources: into[*types.Resources](asked, "resources"),
		Entrypoint: into[[]string](asked, "entrypoint"), RegionID: into[string](asked, "regionId"),
		ContextHashes: into[[]string](asked, "contextHashes"), BuildSecrets: into[map[string]string](asked, "buildSecrets"),
		KeepFailedStep: into[*bool](asked, "keepFailedStep"),
	}
	timeout := func(o *options.CreateSnapshot) { given(opts, "timeout", &o.Timeout) }
	if op == "snapshot.create" {
		return c.result(c.client.Snapshot.CreateAndWait(ctx, params, nil, timeout))
	}
	lines := []string{}
	snapshot, err := c.client.Snapshot.CreateAndWait(ctx, params, func(line string) { lines = append(lines, line) }, timeout)
	if err != nil {
		return nil, err
	}
	made, err := wire(snapshot)
	if err != nil {
		return nil, err
	}
	return wire(map[string]any{"lines": lines, "snapshot": made})
}
