package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// EventsSeq iterates over the changes of sandboxes' states from now on until the context ends or an error comes, which is the last
// item (for range, Go 1.23; its type is an iter.Seq2). An id tells of that sandbox only, "" of all of the organization.
//
// No change is lost, whatever happens to the connection; of several that a sandbox went through while there was none the last one is told.
//
//	for event, err := range client.EventsSeq(ctx, "") { … }
func (c *Client) EventsSeq(ctx context.Context, sandboxID string) func(yield func(types.SandboxEvent, error) bool) {
	return c.changes(ctx, sandboxID, nil)
}

// On iterates like [Client.EventsSeq] over the changes of this sandbox to one of these states, or to any when there are none.
func (s *Sandbox) On(ctx context.Context, states ...types.SandboxState) func(yield func(types.SandboxEvent, error) bool) {
	return s.client.changes(ctx, s.ID, states)
}

func (c *Client) changes(ctx context.Context, sandboxID string, states []types.SandboxState) func(yield func(types.SandboxEvent, error) bool) {
	return func(yield func(types.SandboxEvent, error) bool) {
		position, err := c.BeginEvents(ctx)
		for {
			var found *types.SandboxEvents
			if err == nil {
				found, err = c.PollEvents(ctx, options.WithPollEventsPosition(position), options.WithPollEventsStates(states...))
			}
			if err != nil {
				yield(types.SandboxEvent{}, err)
				return
			}
			position = found.Position
			for _, event := range found.Events {
				if (sandboxID == "" || event.SandboxID == sandboxID) && !yield(event, nil) {
					return
				}
			}
		}
	}
}
