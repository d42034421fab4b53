package daytona

import (
	"context"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// Create creates a sandbox and waits until it has started. params is nil for the default snapshot, or
// types.SnapshotParams, types.ImageParams or types.SandboxBaseParams, or a pointer to one of them.
//
// Options: WithTimeout (default: 60 s), WithWaitForStart (default: true), WithKeep (default: false).
//
// When ctx ends or the time passes, Create deletes what it has made before it returns, unless WithKeep is given.
//
// Errors: ErrValidation for parameters the server refuses, ErrConflict when the name is taken, ErrTimeout when it does not
// start in time. Once there is a sandbox, the error has its SandboxID.
func (c *Client) Create(ctx context.Context, params any, opts ...func(*options.CreateSandbox)) (*Sandbox, error) {
	request, err := createParams(params)
	if err != nil {
		return nil, err
	}
	o := options.Apply(append([]func(*options.CreateSandbox){options.WithWaitForStart(true)}, opts...)...)
	return c.create(ctx, request, o)
}

func createParams(params any) (api.CreateSandboxParams, error) {
	switch p := params.(type) {
	case nil:
		return api.CreateSandboxParams{}, nil
	case types.SandboxBaseParams:
		return baseParams(p), nil
	case *types.SandboxBaseParams:
		return createParams(valueOf(p))
	case types.SnapshotParams:
		request := baseParams(p.SandboxBaseParams)
		request.Snapshot = unlessZero(p.Snapshot)
		return request, nil
	case *types.SnapshotParams:
		return createParams(valueOf(p))
	case types.ImageParams:
		return imageParams(p)
	case *types.ImageParams:
		return createParams(valueOf(p))
	}
	return api.CreateSandboxParams{}, errors.New(errors.ErrInvalidArgument, fmt.Sprintf(
		"params is a %T; it must be nil, types.SnapshotParams, types.ImageParams or types.SandboxBaseParams.", params))
}

func imageParams(p types.ImageParams) (api.CreateSandboxParams, error) {
	request := baseParams(p.SandboxBaseParams)
	request.Resources = p.Resources
	switch image := p.Image.(type) {
	case string:
		request.Image = &image
	default:
		return request, errors.New(errors.ErrInvalidArgument, fmt.Sprintf("Image is a %T; it must be a string.", p.Image))
	}
	return request, nil
}

func baseParams(p types.SandboxBaseParams) api.CreateSandboxParams {
	language := p.Language
	if language == "" {
		language = p.CodeLanguage
	}
	return api.CreateSandboxParams{
		Name: unlessZero(p.Name), Language: unlessZero(string(language)), User: unlessZero(p.User), EnvVars: p.EnvVars,
		Labels: p.Labels, Public: unlessZero(p.Public), AutoStopInterval: p.AutoStopInterval,
		AutoArchiveInterval: p.AutoArchiveInterval, AutoDeleteInterval: p.AutoDeleteInterval,
		AutoPauseInterval: p.AutoPauseInterval, TtlMinutes: p.TTLMinutes, Target: unlessZero(p.Target), Volumes: p.Volumes,
		NetworkBlockAll: unlessZero(p.NetworkBlockAll), NetworkAllowList: p.NetworkAllowList,
		DomainAllowList: p.DomainAllowList, Ephemeral: unlessZero(p.Ephemeral), LinkedSandbox: unlessZero(p.LinkedSandbox),
	}
}

// valueOf is the value behind a pointer, or nil for a nil pointer, which stands for no parameters.
func valueOf[T any](pointer *T) any {
	if pointer == nil {
		return nil
	}
	return *pointer
}
