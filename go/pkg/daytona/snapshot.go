package daytona

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// PushAccessCredentials are short-lived credentials for the object storage: see [SnapshotService.PushAccess].
type PushAccessCredentials = types.PushAccessCredentials

// NewSnapshotService returns the snapshots of a client: the same as its field Snapshot.
func NewSnapshotService(client *Client) *SnapshotService {
	return client.Snapshot
}

// Create begins to create a snapshot from an image, which is fetched or built. It returns the snapshot as it is at first, and a
// channel with the lines of the log, which is closed when the snapshot can be used or has failed: [SnapshotService.Get] tells
// which. What is not read from the channel holds nothing up; the context ends it early. [SnapshotService.CreateAndWait] waits
// instead.
//
// Errors: ErrValidation when the server refuses the parameters, ErrInvalidArgument when a local file cannot be read, ErrConflict
// when the name is taken.
func (s *SnapshotService) Create(ctx context.Context, params *types.CreateSnapshotParams) (*types.Snapshot, <-chan string, error) {
	given, err := snapshotParams(params)
	if err != nil {
		return nil, nil, err
	}
	stream, err := s.createWithLogs(ctx, *given, new(options.CreateSnapshot))
	if err != nil {
		return nil, nil, err
	}
	build := buildLog{frames{stream: stream.Stream}}
	// The first line comes when the server has taken it.
	line, err := build.next(ctx)
	if err != nil && err != io.EOF {
		stream.Close()
		return nil, nil, err
	}
	snapshot, failed := s.Get(ctx, params.Name)
	if failed != nil {
		stream.Close()
		return nil, nil, failed
	}
	lines := make(chan string, 1)
	go func() {
		defer close(lines)
		defer stream.Close()
		for err == nil {
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
			line, err = build.next(ctx)
		}
	}()
	return snapshot, lines, nil
}

// CreateAndWait creates a snapshot from an image, which is fetched or built, and waits until it can be used. The lines of the log
// go to a function, which may be nil.
//
// Options:
//   - [options.WithSnapshotTimeout]: time to wait; 0 = no limit. Default: 0.
//
// Errors: those of [SnapshotService.Create]; ErrTimeout when it takes too long, ErrDaytona when its image cannot be fetched or
// built: the error says why.
func (s *SnapshotService) CreateAndWait(ctx context.Context, params *types.CreateSnapshotParams, onLine func(line string), opts ...func(*options.CreateSnapshot)) (*types.Snapshot, error) {
	given, err := snapshotParams(params)
	if err != nil {
		return nil, err
	}
	if onLine == nil {
		return s.create(ctx, *given, options.Apply(opts...))
	}
	stream, err := s.createWithLogs(ctx, *given, options.Apply(opts...))
	return built[types.Snapshot](ctx, func(line string) error {
		onLine(line)
		return nil
	})(stream, err)
}

func snapshotParams(params *types.CreateSnapshotParams) (*api.CreateSnapshotParams, error) {
	if params == nil {
		return nil, errors.New(errors.ErrInvalidArgument, "The params are nil: give at least Name and Image.")
	}
	given := &api.CreateSnapshotParams{
		Name: params.Name, Resources: params.Resources, Entrypoint: params.Entrypoint, SkipValidation: params.SkipValidation,
		SandboxClass: params.SandboxClass, BuildSecrets: params.BuildSecrets, KeepFailedStep: params.KeepFailedStep,
		ContextHashes: params.ContextHashes,
	}
	if params.RegionID != "" {
		given.RegionID = &params.RegionID
	}
	image := params.Image
	if image == nil {
		image = params.DockerImage
	}
	if image == nil {
		return given, nil
	}
	if name, ok := image.(string); ok {
		given.Image = &name
		return given, nil
	}
	dockerfile, contexts, err := api.ImageParts(image)
	given.Dockerfile, given.Contexts = &dockerfile, contexts
	return given, err
}

// ExperimentalCreateSnapshot does the same as [Sandbox.CreateSnapshot].
//
// Deprecated: use CreateSnapshot.
func (s *Sandbox) ExperimentalCreateSnapshot(ctx context.Context, name string) error {
	return s.CreateSnapshot(ctx, name)
}

// ExperimentalCreateSnapshotWithTimeout does the same as [Sandbox.CreateSnapshotWithTimeout].
//
// Deprecated: use CreateSnapshotWithTimeout.
func (s *Sandbox) ExperimentalCreateSnapshotWithTimeout(ctx context.Context, name string, timeout time.Duration) error {
	return s.CreateSnapshotWithTimeout(ctx, name, timeout)
}

// buildLog reads the lines of the log of a build.
type buildLog struct {
	frames
}

func (b *buildLog) next(ctx context.Context) (string, error) {
	for {
		frame, err := b.frames.next(ctx, formBytes)
		if err != nil {
			return "", err
		}
		if frame.tag != frameLine {
			continue
		}
		var line struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(frame.content, &line); err != nil {
			return "", errors.New(errors.ErrInternal, "The log of the build cannot be read.")
		}
		return line.Text, nil
	}
}

// built waits for the end of a build; leaving it gives the build up.
func built[T any](ctx context.Context, onLine func(line string) error) func(*api.Stream, error) (*T, error) {
	return func(stream *api.Stream, err error) (*T, error) {
		if err != nil {
			return nil, err
		}
		defer stream.Close()
		build := buildLog{frames{stream: stream.Stream}}
		for {
			line, err := build.next(ctx)
			if err == io.EOF {
				break
			}
			if err == nil {
				err = onLine(line)
			}
			if err != nil {
				return nil, err
			}
		}
		result := new(T)
		if err := json.Unmarshal(build.result, result); err != nil {
			return nil, errors.New(errors.ErrInternal, "The result of the build cannot be read.")
		}
		return result, nil
	}
}
