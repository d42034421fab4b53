package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// SetLabels replaces the labels and writes the field.
//
// Errors: NotFound when the sandbox is gone.
func (s *Sandbox) SetLabels(ctx context.Context, labels map[string]string) error {
	if labels == nil {
		labels = map[string]string{}
	}
	set, err := s.client.sandboxes.SetLabels(ctx, s.ID, labels)
	if err == nil {
		s.Labels = set
	}
	return err
}

// SetAutoStopInterval sets the minutes without activity after which the sandbox stops, and writes the field. 0 and nil =
// never.
//
// Errors: InvalidArgument for a negative number.
func (s *Sandbox) SetAutoStopInterval(ctx context.Context, intervalMinutes *int) error {
	minutes := orZero(intervalMinutes)
	err := s.client.sandboxes.SetAutoStopInterval(ctx, s.ID, minutes)
	if err == nil {
		s.AutoStopInterval = minutes
	}
	return err
}

// SetAutoArchiveInterval sets the minutes stopped after which the sandbox is archived, and writes the field. 0 and nil =
// the longest the server allows.
//
// Errors: InvalidArgument for a negative number.
func (s *Sandbox) SetAutoArchiveInterval(ctx context.Context, intervalMinutes *int) error {
	minutes := orZero(intervalMinutes)
	err := s.client.sandboxes.SetAutoArchiveInterval(ctx, s.ID, minutes)
	if err == nil {
		s.AutoArchiveInterval = minutes
	}
	return err
}

// SetAutoDeleteInterval sets the minutes stopped after which the sandbox is deleted, and writes the field. 0 = at once,
// negative and nil = never.
//
// Errors: NotFound when the sandbox is gone.
func (s *Sandbox) SetAutoDeleteInterval(ctx context.Context, intervalMinutes *int) error {
	minutes := -1
	if intervalMinutes != nil {
		minutes = *intervalMinutes
	}
	err := s.client.sandboxes.SetAutoDeleteInterval(ctx, s.ID, minutes)
	if err == nil {
		s.AutoDeleteInterval = minutes
	}
	return err
}

// RefreshActivity tells the server that the sandbox is in use, so that it does not stop for lack of activity.
//
// Errors: NotFound when the sandbox is gone.
func (s *Sandbox) RefreshActivity(ctx context.Context) error {
	return s.client.sandboxes.RefreshActivity(ctx, s.ID)
}

// UpdateNetworkSettings changes the network rules and writes the fields.
//
// Errors: Validation when no rule is given.
func (s *Sandbox) UpdateNetworkSettings(ctx context.Context, settings types.NetworkSettings) error {
	return s.update(s.client.sandboxes.UpdateNetworkSettings(ctx, s.ID, settings))
}

// GetPreviewLink returns the URL of a port of the sandbox, and the token it needs unless the sandbox is public.
//
// Errors: Validation when the port is not 1 to 65535.
func (s *Sandbox) GetPreviewLink(ctx context.Context, port int) (*types.PreviewLink, error) {
	return s.client.sandboxes.GetPreviewLink(ctx, s.ID, port)
}

// GetSignedPreviewLink returns a URL of a port of the sandbox that needs no further authentication, valid for
// expiresInSeconds (1 to 86400).
//
// Errors: Validation when the port or the time is out of range.
func (s *Sandbox) GetSignedPreviewLink(ctx context.Context, port int, expiresInSeconds int) (*types.SignedPreviewLink, error) {
	return s.client.sandboxes.CreateSignedPreviewURL(ctx, s.ID, port, &expiresInSeconds)
}

// CreateSignedPreviewURL does the same as GetSignedPreviewLink.
func (s *Sandbox) CreateSignedPreviewURL(ctx context.Context, port int, expiresInSeconds int) (*types.SignedPreviewLink, error) {
	return s.GetSignedPreviewLink(ctx, port, expiresInSeconds)
}

// ExpireSignedPreviewLink ends a signed preview URL before its time.
//
// Errors: NotFound when the sandbox is gone.
func (s *Sandbox) ExpireSignedPreviewLink(ctx context.Context, port int, token string) error {
	return s.client.sandboxes.ExpireSignedPreviewURL(ctx, s.ID, port, token)
}

// GetUserHomeDir returns the home directory of the sandbox's user.
func (s *Sandbox) GetUserHomeDir(ctx context.Context) (string, error) {
	return s.FileSystem.api.GetUserHomeDir(ctx)
}

// GetWorkingDir returns the directory where commands start and relative paths begin.
func (s *Sandbox) GetWorkingDir(ctx context.Context) (string, error) {
	return s.FileSystem.api.GetWorkDir(ctx)
}

// GetWorkDir does the same as GetWorkingDir.
func (s *Sandbox) GetWorkDir(ctx context.Context) (string, error) {
	return s.GetWorkingDir(ctx)
}
