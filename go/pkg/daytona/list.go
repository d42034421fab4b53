package daytona

import "context"

// SandboxIterator goes through a list of sandboxes, fetching more when it needs them.
type SandboxIterator struct {
	ctx     context.Context
	client  *Client
	query   ListSandboxesQuery
	items   []*Sandbox
	last    bool
	current *Sandbox
	err     error
}

// ListAll returns an iterator over all sandboxes that match; a nil query matches all.
//
//	for it := client.ListAll(ctx, nil); it.Next(); {
//		fmt.Println(it.Value().Name)
//	}
func (c *Client) ListAll(ctx context.Context, query *ListSandboxesQuery) *SandboxIterator {
	return &SandboxIterator{ctx: ctx, client: c, query: orZero(query)}
}

// Next moves to the next sandbox; false at the end and after an error.
func (it *SandboxIterator) Next() bool {
	for it.err == nil && len(it.items) == 0 && !it.last {
		it.fetch()
	}
	if it.err != nil || len(it.items) == 0 {
		it.current = nil
		return false
	}
	it.current = it.items[0]
	it.items = it.items[1:]
	return true
}

func (it *SandboxIterator) fetch() {
	part, err := it.client.ListPart(it.ctx, &it.query)
	if err != nil {
		it.err = err
		return
	}
	it.items, it.query.Cursor, it.last = part.Items, part.NextCursor, part.NextCursor == nil
}

// Value returns the current sandbox, or nil before the first and after the last.
func (it *SandboxIterator) Value() *Sandbox { return it.current }

// Err returns the error that ended the iteration, or nil.
func (it *SandboxIterator) Err() error { return it.err }

// ListSeq is [Client.ListAll] for range (Go 1.23; its type is an iter.Seq2). An error is the last item.
//
//	for sandbox, err := range client.ListSeq(ctx, nil) { … }
func (c *Client) ListSeq(ctx context.Context, query *ListSandboxesQuery) func(yield func(*Sandbox, error) bool) {
	return func(yield func(*Sandbox, error) bool) {
		it := c.ListAll(ctx, query)
		for it.Next() {
			if !yield(it.Value(), nil) {
				return
			}
		}
		if it.Err() != nil {
			yield(nil, it.Err())
		}
	}
}

// part gives the sandboxes of a part their client; an empty cursor is the end.
func (c *Client) part(part *SandboxesPart, err error) (*SandboxesPart, error) {
	if err != nil {
		return nil, err
	}
	part.NextCursor = unlessZero(orZero(part.NextCursor))
	c.sandboxes(part.Items)
	return part, nil
}

func (c *Client) page(page *PaginatedSandboxes, err error) (*PaginatedSandboxes, error) {
	if err != nil {
		return nil, err
	}
	c.sandboxes(page.Items)
	return page, nil
}

func (c *Client) sandboxes(found []*Sandbox) {
	for _, sandbox := range found {
		_, _ = c.sandbox(sandbox, nil) // fails only with an error
	}
}
