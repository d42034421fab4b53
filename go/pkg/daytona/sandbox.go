package daytona

import (
	"context"
	"fmt"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// Sandbox is a sandbox. Its fields are as the server described it last: the methods of its lifecycle write them, so they
// must not run at the same time as something that reads them.
type Sandbox struct {
	client *Client

	// ID never changes.
	ID string
	// Name is unique in the organization; the id when none was given.
	Name string
	// OrganizationId is the organization the sandbox belongs to.
	OrganizationId string
	// Snapshot the sandbox was created from, or nil.
	Snapshot *string
	// User of the operating system that commands run as.
	User string
	// Env are the environment variables of every process in the sandbox.
	Env map[string]string
	// Labels of the sandbox.
	Labels map[string]string
	// Public tells whether previews of its ports need no authentication.
	Public bool
	// Target is the region it runs in.
	Target string
	// Cpu is the number of cores.
	Cpu float32
	// Gpu is the number of GPUs.
	Gpu float32
	// Memory in GiB.
	Memory float32
	// Disk in GiB.
	Disk float32
	// State is where the sandbox is in its life.
	State SandboxState
	// DesiredState is the state it is meant to reach.
	DesiredState SandboxDesiredState
	// ErrorReason tells why it is in an error state, or is nil.
	ErrorReason *string
	// Recoverable tells whether Recover may bring it back from an error.
	Recoverable *bool
	// BackupState is the state of its backup, or nil.
	BackupState *string
	// BackupCreatedAt is when the last backup was made, ISO 8601, or nil.
	BackupCreatedAt *string
	// AutoStopInterval is the minutes without activity after which it stops; 0 = never.
	AutoStopInterval int
	// AutoArchiveInterval is the minutes stopped after which it is archived; 0 = the longest the server allows.
	AutoArchiveInterval int
	// AutoDeleteInterval is the minutes stopped after which it is deleted; 0 = at once, negative = never.
	AutoDeleteInterval int
	// AutoPauseInterval is the minutes without activity after which it is paused; 0 = never.
	AutoPauseInterval int
	// AutoDestroyAt is when it will be deleted whatever its state, ISO 8601, or nil.
	AutoDestroyAt *string
	// Volumes that are mounted.
	Volumes []types.VolumeMount
	// BuildInfo tells how its image was built, or is nil.
	BuildInfo *types.BuildInfo
	// CreatedAt is when it was created, ISO 8601.
	CreatedAt *string
	// UpdatedAt is when it last changed, ISO 8601.
	UpdatedAt *string
	// LastActivityAt is when it was last used, ISO 8601.
	LastActivityAt *string
	// NetworkBlockAll tells whether all network access is blocked.
	NetworkBlockAll bool
	// NetworkAllowList are comma-separated networks (CIDR) it may reach.
	NetworkAllowList *string
	// DomainAllowList are comma-separated domains it may reach.
	DomainAllowList *string
	// SandboxClass is the kind of sandbox (container, linux-vm, …), or nil.
	SandboxClass *string
	// LinkedSandboxID is the sandbox whose lifecycle this one follows, or nil.
	LinkedSandboxID *string
	// DaemonVersion is the version of the toolbox inside, or nil.
	DaemonVersion *string
	// ToolboxProxyURL is the base URL of the toolbox; the sandbox's id is appended to it.
	ToolboxProxyURL string

	// FileSystem has its files.
	FileSystem *FileSystemService
	// Fs is FileSystem.
	Fs *FileSystemService
	// Git has its git repositories.
	Git *GitService
	// Process runs commands and code.
	Process *ProcessService
	// CodeInterpreter runs Python code with variables that last.
	CodeInterpreter *CodeInterpreterService
}

func newSandbox(client *Client, info *api.SandboxInfo) *Sandbox {
	caller := api.Caller{Client: client.native, Target: &api.Target{ID: info.ID, URL: info.ToolboxProxyURL}}
	s := &Sandbox{
		client:          client,
		FileSystem:      &FileSystemService{api: api.FileSystem{Caller: caller}},
		Git:             &GitService{api: api.Git{Caller: caller}},
		Process:         &ProcessService{api: api.Process{Caller: caller}, language: language(info.Labels)},
		CodeInterpreter: &CodeInterpreterService{api: api.CodeInterpreter{Caller: caller}},
	}
	s.Fs = s.FileSystem
	s.fill(info)
	return s
}

func language(labels map[string]string) types.CodeLanguage {
	if named := labels[types.CodeToolboxLanguageLabel]; named != "" {
		return types.CodeLanguage(named)
	}
	return types.CodeLanguagePython
}

func (s *Sandbox) fill(info *api.SandboxInfo) {
	s.ID, s.Name, s.OrganizationId, s.Snapshot = info.ID, info.Name, info.OrganizationID, info.Snapshot
	s.User, s.Env, s.Labels, s.Public, s.Target = info.User, info.Env, info.Labels, info.Public, info.Target
	s.Cpu, s.Gpu = float32(info.CPU), float32(info.GPU)
	s.Memory, s.Disk = float32(info.Memory), float32(info.Disk)
	s.State, s.DesiredState = orZero(info.State), orZero(info.DesiredState)
	s.ErrorReason, s.Recoverable = info.ErrorReason, info.Recoverable
	s.BackupState, s.BackupCreatedAt = info.BackupState, info.BackupCreatedAt
	s.AutoStopInterval = int(orZero(info.AutoStopInterval))
	s.AutoArchiveInterval = int(orZero(info.AutoArchiveInterval))
	s.AutoDeleteInterval = int(orZero(info.AutoDeleteInterval))
	s.AutoPauseInterval, s.AutoDestroyAt = int(orZero(info.AutoPauseInterval)), info.AutoDestroyAt
	s.ToolboxProxyURL = info.ToolboxProxyURL
	s.SandboxClass, s.LinkedSandboxID, s.DaemonVersion = info.SandboxClass, info.LinkedSandboxID, info.DaemonVersion
	s.Volumes, s.BuildInfo = info.Volumes, info.BuildInfo
	s.CreatedAt, s.UpdatedAt, s.LastActivityAt = info.CreatedAt, info.UpdatedAt, info.LastActivityAt
	s.NetworkBlockAll = orZero(info.NetworkBlockAll)
	s.NetworkAllowList, s.DomainAllowList = info.NetworkAllowList, info.DomainAllowList
}

// update takes over what a call of the lifecycle returned.
func (s *Sandbox) update(info *api.SandboxInfo, err error) error {
	if err != nil {
		return err
	}
	s.fill(info)
	return nil
}

func orZero[T any](value *T) T {
	if value == nil {
		var zero T
		return zero
	}
	return *value
}

// String names the sandbox and its state.
func (s *Sandbox) String() string {
	return fmt.Sprintf("Sandbox{ID: %q, Name: %q, State: %s}", s.ID, s.Name, s.State)
}

// Equal reports whether other is the same sandbox: whether both have the same id.
func (s *Sandbox) Equal(other *Sandbox) bool {
	return s == other || (s != nil && other != nil && s.ID == other.ID)
}

// RefreshData asks the server for the sandbox and writes its fields.
//
// Errors: NotFound when it is gone.
func (s *Sandbox) RefreshData(ctx context.Context) error {
	return s.update(s.client.sandboxes.Get(ctx, s.ID))
}

// Refresh does the same as RefreshData.
func (s *Sandbox) Refresh(ctx context.Context) error {
	return s.RefreshData(ctx)
}

// Start starts the stopped sandbox, waits up to 60 s until it has started and writes its fields.
//
// Errors: Validation when its state does not allow it, Timeout when it takes too long.
func (s *Sandbox) Start(ctx context.Context) error {
	return s.start(ctx, nil)
}

// StartWithTimeout is Start with another limit; 0 = none.
func (s *Sandbox) StartWithTimeout(ctx context.Context, timeout time.Duration) error {
	return s.start(ctx, &timeout)
}

func (s *Sandbox) start(ctx context.Context, timeout *time.Duration) error {
	return s.update(s.client.sandboxes.Start(ctx, s.ID, api.WaitOptions{Timeout: seconds(timeout)}))
}

// Stop stops the sandbox, waits up to 60 s until it has stopped and writes its fields. Its files are kept, its processes
// end.
//
// Errors: Validation when its state does not allow it, Timeout when it takes too long.
func (s *Sandbox) Stop(ctx context.Context) error {
	return s.stop(ctx, nil, false)
}

// StopWithTimeout is Stop with another limit; 0 = none. With force the processes are killed at once.
func (s *Sandbox) StopWithTimeout(ctx context.Context, timeout time.Duration, force ...bool) error {
	return s.stop(ctx, &timeout, given(force))
}

func (s *Sandbox) stop(ctx context.Context, timeout *time.Duration, force bool) error {
	options := api.StopOptions{Timeout: seconds(timeout), Force: &force}
	return s.update(s.client.sandboxes.Stop(ctx, s.ID, options))
}

// given is an optional last argument.
func given(flag []bool) bool {
	return len(flag) > 0 && flag[0]
}

// Delete deletes the sandbox with everything in it and writes its fields.
//
// Errors: NotFound when it is gone, Conflict while its state changes.
func (s *Sandbox) Delete(ctx context.Context) error {
	return s.delete(ctx, nil, false)
}

// DeleteWithTimeout is Delete with another limit than 60 s; 0 = none.
func (s *Sandbox) DeleteWithTimeout(ctx context.Context, timeout time.Duration) error {
	return s.delete(ctx, &timeout, false)
}

func (s *Sandbox) delete(ctx context.Context, timeout *time.Duration, wait bool) error {
	options := api.DeleteOptions{Timeout: seconds(timeout), Wait: &wait}
	return s.update(s.client.sandboxes.Delete(ctx, s.ID, options))
}

// WaitForStart waits until the sandbox has started and writes its fields; a timeout of 0 means no limit.
//
// Errors: Timeout when it takes too long, an error of the base class when the sandbox fails.
func (s *Sandbox) WaitForStart(ctx context.Context, timeout time.Duration) error {
	return s.update(s.client.sandboxes.WaitForStart(ctx, s.ID, api.WaitOptions{Timeout: seconds(&timeout)}))
}

// WaitUntilStarted does the same as WaitForStart.
func (s *Sandbox) WaitUntilStarted(ctx context.Context, timeout time.Duration) error {
	return s.WaitForStart(ctx, timeout)
}

// WaitForStop waits until the sandbox has stopped or is gone and writes its fields; a timeout of 0 means no limit.
//
// Errors: Timeout when it takes too long, an error of the base class when the sandbox fails.
func (s *Sandbox) WaitForStop(ctx context.Context, timeout time.Duration) error {
	return s.update(s.client.sandboxes.WaitForStop(ctx, s.ID, api.WaitOptions{Timeout: seconds(&timeout)}))
}

// WaitUntilStopped does the same as WaitForStop.
func (s *Sandbox) WaitUntilStopped(ctx context.Context, timeout time.Duration) error {
	return s.WaitForStop(ctx, timeout)
}

// Archive moves the stopped sandbox to object storage and writes its fields.
//
// Errors: Validation when its state does not allow it.
func (s *Sandbox) Archive(ctx context.Context) error {
	return s.update(s.client.sandboxes.Archive(ctx, s.ID))
}

// Recover brings the sandbox back from a recoverable error, waits up to 60 s until it has started and writes its fields.
//
// Errors: Validation when its state does not allow it, Timeout when it takes too long.
func (s *Sandbox) Recover(ctx context.Context) error {
	return s.update(s.client.sandboxes.Recover(ctx, s.ID, api.WaitOptions{}))
}

// RecoverWithTimeout is Recover with another limit; 0 = none.
func (s *Sandbox) RecoverWithTimeout(ctx context.Context, timeout time.Duration) error {
	return s.update(s.client.sandboxes.Recover(ctx, s.ID, api.WaitOptions{Timeout: seconds(&timeout)}))
}

// Start is [Sandbox.Start] with options.
func (c *Client) Start(ctx context.Context, sandbox *Sandbox, opts ...func(*options.StartSandbox)) error {
	return sandbox.start(ctx, options.Apply(opts...).Timeout)
}

// Stop is [Sandbox.Stop] with options.
func (c *Client) Stop(ctx context.Context, sandbox *Sandbox, opts ...func(*options.StopSandbox)) error {
	o := options.Apply(opts...)
	return sandbox.stop(ctx, o.Timeout, o.Force)
}

// Delete is [Sandbox.Delete] with options.
func (c *Client) Delete(ctx context.Context, sandbox *Sandbox, opts ...func(*options.DeleteSandbox)) error {
	o := options.Apply(opts...)
	return sandbox.delete(ctx, o.Timeout, o.Wait)
}
