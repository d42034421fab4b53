//go:build !daytona_list_query

package daytona

import "context"

// List does the same as [Client.ListPage].
//
// List is documented in two forms, and Go has one method of a name. Programs built with -tags daytona_list_query have the other
// form, List(ctx, query) with an iterator as its result, which the second module of this SDK has by itself (see its README).
// [Client.ListPage] and [Client.ListAll] are the same everywhere.
func (c *Client) List(ctx context.Context, labels map[string]string, page *int, limit *int) (*PaginatedSandboxes, error) {
	return c.ListPage(ctx, labels, page, limit)
}
