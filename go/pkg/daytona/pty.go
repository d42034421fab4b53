package daytona

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// disconnectGrace is how long what was written last may take to be sent.
const disconnectGrace = 5 * time.Second

// left describes a terminal that has been created, without staying connected to it.
func (p *ProcessService) left(ctx context.Context, id string) func(*api.Stream, error) (*types.PtySessionInfo, error) {
	return func(stream *api.Stream, err error) (*types.PtySessionInfo, error) {
		if err != nil {
			return nil, err
		}
		stream.Close()
		return p.GetPtySessionInfo(ctx, id)
	}
}

// ResizePtySession changes the size of a terminal.
//
// Parameters:
//   - sessionID: id of the session.
//   - ptySize: rows and columns, each 1 to 1000.
//
// Errors: ErrInvalidArgument for a size outside 1 to 1000, ErrNotFound or ErrGone when there is no such session.
func (p *ProcessService) ResizePtySession(ctx context.Context, sessionID string, ptySize types.PtySize) (*types.PtySessionInfo, error) {
	return p.resizePtySession(ctx, sessionID, ptySize.Rows, ptySize.Cols)
}

// PtyHandle is a connection to a terminal session. It is an io.ReadWriteCloser; the same output can be had from DataChan
// instead of Read. Closing it leaves the session running.
//
// Output that nobody takes waits, up to 1 MiB; then the terminal waits, unless somebody waits for its end in Wait: then the
// oldest output is dropped.
type PtyHandle struct {
	*ptyConnection
}

// ptyConnection is what the reading goroutine holds, so that a forgotten handle can be finalized.
type ptyConnection struct {
	process   *ProcessService
	stream    *api.Stream
	sessionID string
	output    *ptyOutput
	channel   chan []byte
	forward   sync.Once
	unread    unread
	readMu    sync.Mutex
	ended     chan struct{}
	result    types.PtyResult // written before ended is closed
	failure   error           // likewise
}

func (p *ProcessService) connected(stream *api.Stream, err error) (*PtyHandle, error) {
	if err != nil {
		return nil, err
	}
	var info struct {
		SessionID string `json:"sessionId"`
	}
	if err := stream.Describe(&info); err != nil {
		return nil, err
	}
	connection := &ptyConnection{
		process: p, stream: stream, sessionID: info.SessionID, output: newPtyOutput(), channel: make(chan []byte),
		ended: make(chan struct{}),
	}
	go connection.read()
	handle := &PtyHandle{connection}
	runtime.SetFinalizer(handle, func(h *PtyHandle) { h.close() })
	return handle, nil
}

// read moves output from the connection into the queue until one of them ends.
func (c *ptyConnection) read() {
	defer c.output.end()
	defer close(c.ended)
	for {
		// Closing the stream ends this, so no context is needed.
		batch, more, result, err := c.stream.Read(context.Background())
		if err == nil && more {
			c.output.push(batch)
			continue
		}
		if err == nil && json.Unmarshal(result, &c.result) != nil {
			err = errors.New(errors.ErrInternal, "The terminal's result cannot be read.")
		}
		if c.result.ExitCode == nil && c.output.isClosed() {
			// However the connection ended then.
			err = errors.New(errors.ErrClosed, "The terminal has been disconnected.")
		}
		if err != nil {
			c.failure = err
			c.result.Error = Ptr(err.Error())
		}
		return
	}
}

// String names the session.
func (c *ptyConnection) String() string { return fmt.Sprintf("PtyHandle{SessionID: %q}", c.sessionID) }

// SessionID returns the id of the session.
func (c *ptyConnection) SessionID() string { return c.sessionID }

// IsConnected reports whether the terminal has neither ended nor been disconnected.
func (c *ptyConnection) IsConnected() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// WaitForConnection returns at once: a handle is connected from the beginning.
//
// Errors: ErrClosed when it has been disconnected or has ended; those of the context.
func (c *ptyConnection) WaitForConnection(ctx context.Context) error {
	if err := ffi.CheckContext(ctx, "process.connect_pty"); err != nil {
		return err
	}
	if !c.IsConnected() {
		return errors.New(errors.ErrClosed, "The terminal is not connected.")
	}
	return nil
}

// ExitCode returns the exit code of the shell, or nil while it runs and when it is not known.
func (c *ptyConnection) ExitCode() *int {
	if c.IsConnected() {
		return nil
	}
	return c.result.ExitCode
}

// Error returns why the terminal broke, or nil.
func (c *ptyConnection) Error() *string {
	if c.IsConnected() {
		return nil
	}
	return c.result.Error
}

// DataChan returns the output as a channel, which is closed at the end.
func (h *PtyHandle) DataChan() <-chan []byte {
	h.forward.Do(func() {
		h.output.consume()
		go h.send()
	})
	return h.channel
}

// send moves output from the queue into the channel. It keeps the handle alive: who reads the channel may have let go of
// the handle itself.
func (h *PtyHandle) send() {
	defer runtime.KeepAlive(h)
	defer close(h.channel)
	for {
		piece, more := h.output.pop()
		if !more {
			return
		}
		select {
		case h.channel <- piece:
		case <-h.output.closed:
			return
		}
	}
}

// Read reads output, and returns io.EOF when the terminal has ended or has been disconnected.
func (h *PtyHandle) Read(p []byte) (n int, err error) {
	h.readMu.Lock()
	defer h.readMu.Unlock()
	defer runtime.KeepAlive(h)
	h.output.consume()
	return h.unread.read(p, func() ([]byte, error) {
		if piece, more := h.output.pop(); more {
			return piece, nil
		}
		return nil, io.EOF
	})
}

// Write sends input.
//
// Errors: ErrClosed when the terminal has ended or has been disconnected.
func (h *PtyHandle) Write(p []byte) (n int, err error) {
	defer runtime.KeepAlive(h)
	if err := h.stream.Write(context.Background(), p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// SendInput sends input.
//
// Errors: ErrClosed when the terminal has ended or has been disconnected.
func (h *PtyHandle) SendInput(data []byte) error {
	_, err := h.Write(data)
	return err
}

// Resize changes the size of the terminal.
//
// Parameters:
//   - cols: columns, 1 to 1000.
//   - rows: lines, 1 to 1000.
//
// Errors: ErrInvalidArgument for a size outside 1 to 1000, ErrGone when the session has ended.
func (h *PtyHandle) Resize(ctx context.Context, cols, rows int) (*types.PtySessionInfo, error) {
	return h.process.ResizePtySession(ctx, h.sessionID, types.PtySize{Rows: rows, Cols: cols})
}

// Wait waits until the terminal has ended.
//
// Errors: ErrConnection when the connection broke, ErrClosed when it was disconnected; those of the context.
func (h *PtyHandle) Wait(ctx context.Context) (*types.PtyResult, error) {
	defer runtime.KeepAlive(h)
	if ctx == nil {
		return nil, ffi.CheckContext(ctx, "process.pty_wait")
	}
	h.output.wait(true)
	defer h.output.wait(false)
	select {
	case <-h.ended:
	case <-ctx.Done():
		return nil, errors.FromContext(ctx, "process.pty_wait")
	}
	if h.failure != nil {
		return nil, h.failure
	}
	result := h.result
	return &result, nil
}

// Kill kills the processes of the session and removes it; the handle ends.
//
// Errors: ErrNotFound when it is gone.
func (h *PtyHandle) Kill(ctx context.Context) error {
	return h.process.KillPtySession(ctx, h.sessionID)
}

// Disconnect leaves the terminal when what was written has been sent; its session goes on, and ConnectPty connects to it
// again. It may be called any number of times, and never fails.
func (h *PtyHandle) Disconnect() error {
	h.output.close()
	ctx, cancel := context.WithTimeout(context.Background(), disconnectGrace)
	defer cancel()
	// It may have ended already; closing is all that is left then.
	_ = h.stream.Finish(ctx)
	h.close()
	return nil
}

// Close does the same as Disconnect.
func (h *PtyHandle) Close() error { return h.Disconnect() }

func (c *ptyConnection) close() {
	c.stream.Close()
	c.output.close()
}
