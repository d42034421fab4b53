package daytona

import (
	"context"
	"sync"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// outputRoom is how many pieces wait for a reader as they are; what comes then is put together into one.
const outputRoom = 1024

// output is a channel that never holds its writer up: what its reader does not take waits.
type output struct {
	name     string
	messages chan *types.OutputMessage

	mu         sync.Mutex
	waiting    string
	forwarding bool // a goroutine sends what waits, and closes the channel when the output has ended
	ended      bool
}

func newOutput(name string) *output {
	return &output{name: name, messages: make(chan *types.OutputMessage, outputRoom)}
}

func (o *output) message(text string) *types.OutputMessage {
	return &types.OutputMessage{Type: o.name, Text: text}
}

// add sends a text now or later; nothing is sent once the context has ended.
func (o *output) add(ctx context.Context, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.forwarding {
		o.waiting += text
		return
	}
	select {
	case o.messages <- o.message(text):
	default:
		o.waiting, o.forwarding = text, true
		go o.forward(ctx)
	}
}

func (o *output) forward(ctx context.Context) {
	for {
		text, more := o.take()
		if !more {
			return
		}
		select {
		case o.messages <- o.message(text):
		case <-ctx.Done():
		}
	}
}

// take returns what waits, or ends the forwarding when nothing does.
func (o *output) take() (text string, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text, o.waiting = o.waiting, ""
	if text != "" {
		return text, true
	}
	o.forwarding = false
	if o.ended {
		close(o.messages)
	}
	return "", false
}

// end closes the channel, when everything that waits has been taken.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	if !o.forwarding {
		close(o.messages)
	}
}
