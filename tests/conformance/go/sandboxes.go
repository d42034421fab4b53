package main

import (
	"context"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func (c call) sandboxes(ctx context.Context, name string) (any, error) {
	opts := c.args.object("options")
	switch name {
	case "create":
		var set []func(*options.CreateSandbox)
		if timeout := opts.duration("timeout"); timeout != nil {
			set = append(set, options.WithTimeout(*timeout))
		}
		if wait := into[*bool](opts, "waitForStart"); wait != nil {
			set = append(set, options.WithWaitForStart(*wait))
		}
		return described(c.client.Create(ctx, createParams(c.args.object("params")), set...))
	case "get":
		return described(c.client.Get(ctx, c.args.text("idOrName")))
	case "find_one":
		return described(c.client.FindOne(ctx, into[*string](opts, "idOrName"), into[map[string]string](opts, "labels")))
	case "list":
		part, err := c.client.ListPart(ctx, query(c.args.object("query")))
		if err != nil {
			return nil, err
		}
		return wire(map[string]any{"items": infos(part.Items), "nextCursor": part.NextCursor}, nil)
	case "list_page":
		page, err := c.client.ListPage(ctx, into[map[string]string](opts, "labels"), into[*int](opts, "page"), into[*int](opts, "limit"))
		if err != nil {
			return nil, err
		}
		return wire(map[string]any{
			"items": infos(page.Items), "total": page.Total, "page": page.Page, "totalPages": page.TotalPages,
		}, nil)
	}
	// Everything else is a method of the sandbox.
	sandbox, err := c.client.Get(ctx, c.args.text("idOrName"))
	if err != nil {
		return nil, err
	}
	return c.sandboxMethod(ctx, sandbox, name)
}

func (c call) sandboxMethod(ctx context.Context, sandbox *daytona.Sandbox, name string) (any, error) {
	opts := c.args.object("options")
	timeout := opts.duration("timeout")
	port := into[int](c.args, "port")
	after := func(err error) (any, error) { return described(sandbox, err) }
	switch name {
	case "start":
		if timeout != nil {
			return after(sandbox.StartWithTimeout(ctx, *timeout))
		}
		return after(sandbox.Start(ctx))
	case "stop":
		set := []func(*options.StopSandbox){options.WithForceStop(into[bool](opts, "force"))}
		if timeout != nil {
			set = append(set, options.WithStopTimeout(*timeout))
		}
		return after(c.client.Stop(ctx, sandbox, set...))
	case "delete":
		set := []func(*options.DeleteSandbox){options.WithDeleteWait(into[bool](opts, "wait"))}
		if timeout != nil {
			set = append(set, options.WithDeleteTimeout(*timeout))
		}
		return after(c.client.Delete(ctx, sandbox, set...))
	case "wait_for_start":
		return after(sandbox.WaitForStart(ctx, waitLimit(timeout)))
	case "wait_for_stop":
		return after(sandbox.WaitForStop(ctx, waitLimit(timeout)))
	case "archive":
		return after(sandbox.Archive(ctx))
	case "recover":
		if timeout != nil {
			return after(sandbox.RecoverWithTimeout(ctx, *timeout))
		}
		return after(sandbox.Recover(ctx))
	case "set_labels":
		err := sandbox.SetLabels(ctx, into[map[string]string](c.args, "labels"))
		return wire(sandbox.Labels, err)
	case "set_auto_stop_interval":
		return none(sandbox.SetAutoStopInterval(ctx, into[*int](c.args, "interval")))
	case "set_auto_archive_interval":
		return none(sandbox.SetAutoArchiveInterval(ctx, into[*int](c.args, "interval")))
	case "set_auto_delete_interval":
		return none(sandbox.SetAutoDeleteInterval(ctx, into[*int](c.args, "interval")))
	case "refresh_activity":
		return none(sandbox.RefreshActivity(ctx))
	case "update_network_settings":
		return after(sandbox.UpdateNetworkSettings(ctx, into[types.NetworkSettings](c.args, "settings")))
	case "get_preview_link":
		return wire(sandbox.GetPreviewLink(ctx, port))
	case "create_signed_preview_url":
		expires := 60 // the schema's default; in Go it is an argument
		if c.args.has("expiresInSeconds") {
			expires = into[int](c.args, "expiresInSeconds")
		}
		return wire(sandbox.GetSignedPreviewLink(ctx, port, expires))
	case "expire_signed_preview_url":
		return none(sandbox.ExpireSignedPreviewLink(ctx, port, c.args.text("token")))
	}
	return nil, unknown("sandbox." + name)
}

// waitLimit is the default of the schema, which Go's waits do not have: their limit is an argument.
func waitLimit(timeout *time.Duration) time.Duration {
	if timeout == nil {
		return time.Minute
	}
	return *timeout
}

func query(a arguments) *daytona.ListSandboxesQuery {
	return &daytona.ListSandboxesQuery{
		Cursor: into[*string](a, "cursor"), Limit: into[*int](a, "limit"), ID: into[*string](a, "id"),
		Name: into[*string](a, "name"), Labels: into[map[string]string](a, "labels"),
		IncludeErroredDeleted: into[*bool](a, "includeErroredDeleted"),
		States:                into[[]daytona.SandboxState](a, "states"), Snapshots: into[[]string](a, "snapshots"),
		Targets: into[[]string](a, "targets"), SandboxClasses: into[[]string](a, "sandboxClasses"),
		MinCpu: into[*int](a, "minCpu"), MaxCpu: into[*int](a, "maxCpu"),
		MinMemoryGib: into[*int](a, "minMemoryGib"), MaxMemoryGib: into[*int](a, "maxMemoryGib"),
		MinDiskGib: into[*int](a, "minDiskGib"), MaxDiskGib: into[*int](a, "maxDiskGib"),
		IsPublic: into[*bool](a, "isPublic"), IsRecoverable: into[*bool](a, "isRecoverable"),
		CreatedAtAfter: into[*time.Time](a, "createdAtAfter"), CreatedAtBefore: into[*time.Time](a, "createdAtBefore"),
		LastActivityAfter:   into[*time.Time](a, "lastActivityAfter"),
		LastActivityBefore:  into[*time.Time](a, "lastActivityBefore"),
		AutoDestroyAtAfter:  into[*time.Time](a, "autoDestroyAtAfter"),
		AutoDestroyAtBefore: into[*time.Time](a, "autoDestroyAtBefore"),
		Sort:                into[*daytona.SandboxListSortField](a, "sort"),
		Order:               into[*daytona.SandboxListSortDirection](a, "order"),
	}
}

func described(sandbox *daytona.Sandbox, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire(info(sandbox), nil)
}

func infos(sandboxes []*daytona.Sandbox) []any {
	list := []any{}
	for _, sandbox := range sandboxes {
		list = append(list, info(sandbox))
	}
	return list
}

// info is a sandbox in the schema's names.
func info(s *daytona.Sandbox) map[string]any {
	return map[string]any{
		"id": s.ID, "organizationId": s.OrganizationId, "name": s.Name, "snapshot": s.Snapshot, "user": s.User,
		"env": s.Env, "labels": s.Labels, "public": s.Public, "networkBlockAll": s.NetworkBlockAll,
		"networkAllowList": s.NetworkAllowList, "domainAllowList": s.DomainAllowList, "target": s.Target, "cpu": s.Cpu,
		"gpu": s.Gpu, "memory": s.Memory, "disk": s.Disk, "state": s.State, "desiredState": s.DesiredState,
		"errorReason": s.ErrorReason, "recoverable": s.Recoverable, "backupState": s.BackupState,
		"backupCreatedAt": s.BackupCreatedAt, "autoStopInterval": s.AutoStopInterval,
		"autoArchiveInterval": s.AutoArchiveInterval, "autoDeleteInterval": s.AutoDeleteInterval,
		"autoPauseInterval": s.AutoPauseInterval, "autoDestroyAt": s.AutoDestroyAt, "volumes": s.Volumes,
		"buildInfo": s.BuildInfo, "createdAt": s.CreatedAt, "updatedAt": s.UpdatedAt, "lastActivityAt": s.LastActivityAt,
		"daemonVersion": s.DaemonVersion, "sandboxClass": s.SandboxClass, "linkedSandboxId": s.LinkedSandboxID,
		"toolboxProxyUrl": s.ToolboxProxyURL,
	}
}
