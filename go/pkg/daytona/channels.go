package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
)

// send sends a text unless it is empty or nobody wants it.
func send(ctx context.Context, channel chan<- string, text string) error {
	if text == "" || channel == nil {
		return nil
	}
	select {
	case channel <- text:
		return nil
	case <-ctx.Done():
		return errors.FromContext(ctx, "stream.read")
	}
}

// closeChannels closes the caller's channels, which may be nil or one and the same.
func closeChannels(stdout, stderr chan<- string) {
	if stdout != nil {
		close(stdout)
	}
	if stderr != nil && stderr != stdout {
		close(stderr)
	}
}
