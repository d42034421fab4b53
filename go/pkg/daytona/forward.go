package daytona

import (
	"fmt"
	"runtime"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
)

// PortForward is a port of this machine, on 127.0.0.1, that leads to a port of a sandbox. It is open until it is closed, its
// client is closed, or it is collected.
type PortForward struct {
	stream    *api.Stream
	localPort int
	httpOnly  bool
}

func forwarded(stream *api.Stream, err error) (*PortForward, error) {
	if err != nil {
		return nil, err
	}
	var info struct {
		LocalPort int  `json:"localPort"`
		HTTPOnly  bool `json:"httpOnly"`
	}
	if err := stream.Describe(&info); err != nil {
		return nil, err
	}
	forward := &PortForward{stream: stream, localPort: info.LocalPort, httpOnly: info.HTTPOnly}
	runtime.SetFinalizer(forward, func(f *PortForward) { f.stream.Close() })
	return forward, nil
}

// LocalPort returns the port of this machine.
func (f *PortForward) LocalPort() int { return f.localPort }

// HTTPOnly reports whether only HTTP passes, WebSockets included, because the server offers no raw connections.
func (f *PortForward) HTTPOnly() bool { return f.httpOnly }

// Close stops listening and ends all connections at once. It may be called any number of times, and never fails.
func (f *PortForward) Close() error {
	f.stream.Close()
	return nil
}

// String names the port.
func (f *PortForward) String() string { return fmt.Sprintf("PortForward{LocalPort: %d}", f.localPort) }
