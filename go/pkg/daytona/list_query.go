//go:build daytona_list_query

package daytona

import "context"

// List does the same as [Client.ListAll].
//
// List is documented in two forms, and Go has one method of a name: the other form is List(ctx, labels, page, limit) with a page as
// its result (see the README). [Client.ListPage] and [Client.ListAll] are the same everywhere.
func (c *Client) List(ctx context.Context, query *ListSandboxesQuery) *SandboxIterator {
	return c.ListAll(ctx, query)
}
