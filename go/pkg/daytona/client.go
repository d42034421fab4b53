// Package daytona runs code in Daytona's sandboxes.
//
//	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
//	defer stop()
//	client, err := daytona.NewClient()
//	…
//	defer client.Close(ctx)
//	sandbox, err := client.Create(ctx, nil)
//	…
//	defer sandbox.Delete(context.WithoutCancel(ctx))
//	result, err := sandbox.Process.ExecuteCommand(ctx, "echo hello")
//
// # Contexts
//
// Every call takes a context first. When it ends, the call ends with an error for which errors.Is finds the context's,
// and what the call did in the sandbox stops: a command is killed with everything it started. Calls also have a timeout of
// their own, documented with each; 0 means none.
//
// A program that is interrupted runs nothing of what it deferred: [signal.NotifyContext] turns the interrupt into the end of a
// context, and [context.WithoutCancel] lets what cleans up go on.
//
// # Concurrency
//
// Clients, services and handles may be used by many goroutines at the same time. The fields of a Sandbox are
// written by the methods that say so. A call that waits holds no thread.
//
// # Errors
//
// See package errors: classes for errors.As, kinds for errors.Is.
//
// # The local engine
//
// With DAYTONA_API_URL=local, or [NewLocalClient], sandboxes run on this machine, without an account.
package daytona

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"
	"github.com/daytonaio/daytona/libs/sdk-go/internal/local"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// Client is the way to sandboxes. It pools its connections: make one and share it.
type Client struct {
	// Snapshot has the snapshots.
	Snapshot *SnapshotService
	// Snapshots is Snapshot.
	Snapshots *SnapshotService
	// Volume has the volumes.
	Volume *VolumeService
	// Volumes is Volume.
	Volumes *VolumeService
	// Secret has the secrets.
	Secret *SecretService

	native *ffi.Client
	caller api.Caller
}

// Config is a configuration in its short form; see [types.DaytonaConfig] for what its fields mean.
type Config struct {
	// APIKey is the API key (DAYTONA_API_KEY).
	APIKey string
	// APIURL is the base URL of the API (DAYTONA_API_URL), or "local".
	APIURL string
	// Target is the region for new sandboxes (DAYTONA_TARGET).
	Target string
}

// String describes the configuration without its credentials.
func (c Config) String() string { return c.full().String() }

// GoString does the same as String.
func (c Config) GoString() string { return c.String() }

func (c Config) full() types.DaytonaConfig {
	return types.DaytonaConfig{APIKey: c.APIKey, APIUrl: c.APIURL, Target: c.Target}
}

// NewClient makes a client from the environment, or from a configuration. No request is made.
//
// Errors: ErrAuthentication without credentials, ErrInvalidArgument for a value that cannot be used.
func NewClient(config ...*Config) (*Client, error) {
	for _, c := range config {
		if c != nil {
			full := c.full()
			return NewClientWithConfig(&full)
		}
	}
	return NewClientWithConfig(nil)
}

// NewLocalClient makes a client of the local engine: sandboxes on this machine. The engine is started with the first
// call unless it runs.
func NewLocalClient() (*Client, error) {
	return NewClientWithConfig(&types.DaytonaConfig{APIUrl: types.APIURLLocal})
}

// NewClientWithConfig makes a client; what the configuration leaves out comes from the environment. No request is made.
//
// Errors: ErrAuthentication without credentials, ErrInvalidArgument for a value that cannot be used.
func NewClientWithConfig(config *types.DaytonaConfig) (*Client, error) {
	if hash := ffi.SchemaHash(); hash != api.SchemaHash {
		return nil, errors.New(errors.ErrInternal, fmt.Sprintf(
			"This package does not match its native library (schema %s, library %s). Build both from one version.", api.SchemaHash, hash))
	}
	if config == nil {
		config = &types.DaytonaConfig{}
	}
	given := settings(config)
	if program := local.Binary(config.LocalBinary); program != "" {
		given["localBinary"] = program
	}
	encoded, err := json.Marshal(given)
	if err != nil {
		return nil, errors.New(errors.ErrInvalidArgument, "The configuration is not usable.")
	}
	native, err := ffi.NewClient(encoded)
	if err != nil {
		return nil, err
	}
	caller := api.NewCaller(native)
	snapshots, volumes := &SnapshotService{caller: caller}, &VolumeService{caller: caller}
	return &Client{
		Snapshot: snapshots, Snapshots: snapshots, Volume: volumes, Volumes: volumes,
		Secret: &SecretService{caller: caller}, native: native, caller: caller,
	}, nil
}

// String tells where the client connects to.
func (c *Client) String() string {
	var place struct{ APIURL, Target string }
	if c == nil || json.Unmarshal(c.native.Place(), &place) != nil {
		return "Client{closed}"
	}
	if place.Target == "" {
		return fmt.Sprintf("Client{APIURL: %q}", place.APIURL)
	}
	return fmt.Sprintf("Client{APIURL: %q, Target: %q}", place.APIURL, place.Target)
}

// Close refuses further calls of the client and its sandboxes; those in flight go on. Telemetry that waits is sent until the
// context ends. It may be called any number of times, and never fails.
func (c *Client) Close(ctx context.Context) error {
	c.native.Flush(ctx)
	c.native.Close()
	return nil
}
