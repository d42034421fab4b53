package daytona

import (
	"context"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
)

// PaginatedSandboxes is a numbered page of sandboxes.
type PaginatedSandboxes struct {
	// Items of the page.
	Items []*Sandbox
	// Total is the number of sandboxes on all pages.
	Total int
	// Page is the number of the page, from 1.
	Page int
	// TotalPages is the number of pages.
	TotalPages int
}

// ListPage returns one numbered page of the sandboxes that have all these labels. nil means: all sandboxes, page 1, as
// many items as the server likes.
//
// Errors: Validation when page or limit are out of range.
func (c *Client) ListPage(ctx context.Context, labels map[string]string, page *int, limit *int) (*PaginatedSandboxes, error) {
	found, err := c.sandboxes.ListPage(ctx, api.ListPageOptions{Labels: labels, Page: page, Limit: limit})
	if err != nil {
		return nil, err
	}
	result := &PaginatedSandboxes{Total: found.Total, Page: found.Page, TotalPages: found.TotalPages}
	for i := range found.Items {
		result.Items = append(result.Items, newSandbox(c, &found.Items[i]))
	}
	return result, nil
}

// ListSandboxesQuery tells which sandboxes to list, and in which order. Everything is optional; filters are combined
// with AND.
type ListSandboxesQuery struct {
	// Cursor continues after an earlier part; see [Client.ListPart].
	Cursor *string
	// Limit is the number of sandboxes per request, 1 to 200, not in all.
	Limit *int
	// ID is the beginning of the id.
	ID *string
	// Name is the beginning of the name.
	Name *string
	// Labels the sandbox must have.
	Labels map[string]string
	// IncludeErroredDeleted includes sandboxes that could not be deleted.
	IncludeErroredDeleted *bool
	// States, one of which the sandbox must be in.
	States []SandboxState
	// Snapshots, from one of which the sandbox must come.
	Snapshots []string
	// Targets are regions, in one of which the sandbox must be.
	Targets []string
	// SandboxClasses, one of which the sandbox must have.
	SandboxClasses []string
	// MinCpu is the smallest number of cores.
	MinCpu *int
	// MaxCpu is the largest number of cores.
	MaxCpu *int
	// MinMemoryGib is the smallest memory in GiB.
	MinMemoryGib *int
	// MaxMemoryGib is the largest memory in GiB.
	MaxMemoryGib *int
	// MinDiskGib is the smallest disk in GiB.
	MinDiskGib *int
	// MaxDiskGib is the largest disk in GiB.
	MaxDiskGib *int
	// IsPublic tells whether previews need no authentication.
	IsPublic *bool
	// IsRecoverable tells whether the sandbox can be recovered from its error.
	IsRecoverable *bool
	// CreatedAtAfter is when it was created at the earliest.
	CreatedAtAfter *time.Time
	// CreatedAtBefore is when it was created at the latest.
	CreatedAtBefore *time.Time
	// LastActivityAfter is when it was last used at the earliest.
	LastActivityAfter *time.Time
	// LastActivityBefore is when it was last used at the latest.
	LastActivityBefore *time.Time
	// AutoDestroyAtAfter is when it will be deleted at the earliest.
	AutoDestroyAtAfter *time.Time
	// AutoDestroyAtBefore is when it will be deleted at the latest.
	AutoDestroyAtBefore *time.Time
	// Sort is the field to sort by.
	Sort *SandboxListSortField
	// Order is the direction to sort in.
	Order *SandboxListSortDirection
}

func (q *ListSandboxesQuery) request() api.ListSandboxesQuery {
	if q == nil {
		return api.ListSandboxesQuery{}
	}
	return api.ListSandboxesQuery{
		Cursor: q.Cursor, Limit: q.Limit, ID: q.ID, Name: q.Name, Labels: q.Labels, IncludeErroredDeleted: q.IncludeErroredDeleted,
		States: q.States, Snapshots: q.Snapshots, Targets: q.Targets, SandboxClasses: q.SandboxClasses,
		MinCPU: float(q.MinCpu), MaxCPU: float(q.MaxCpu), MinMemoryGib: float(q.MinMemoryGib),
		MaxMemoryGib: float(q.MaxMemoryGib), MinDiskGib: float(q.MinDiskGib), MaxDiskGib: float(q.MaxDiskGib),
		IsPublic: q.IsPublic, IsRecoverable: q.IsRecoverable,
		CreatedAtAfter: timestamp(q.CreatedAtAfter), CreatedAtBefore: timestamp(q.CreatedAtBefore),
		LastActivityAfter: timestamp(q.LastActivityAfter), LastActivityBefore: timestamp(q.LastActivityBefore),
		AutoDestroyAtAfter: timestamp(q.AutoDestroyAtAfter), AutoDestroyAtBefore: timestamp(q.AutoDestroyAtBefore),
		Sort: q.Sort, Order: q.Order,
	}
}

func float(value *int) *float64 {
	if value == nil {
		return nil
	}
	return Ptr(float64(*value))
}

func timestamp(value *time.Time) *string {
	if value == nil {
		return nil
	}
	return Ptr(value.UTC().Format(time.RFC3339Nano))
}

// SandboxesPart is a part of a list of sandboxes.
type SandboxesPart struct {
	// Items of the part.
	Items []*Sandbox
	// NextCursor is where the next part begins, or nil after the last.
	NextCursor *string
}

// ListPart returns one part of the sandboxes that match; a nil query matches all. Pass NextCursor as the query's Cursor
// to continue.
//
// Errors: Validation for a filter the server refuses.
func (c *Client) ListPart(ctx context.Context, query *ListSandboxesQuery) (*SandboxesPart, error) {
	found, err := c.sandboxes.List(ctx, query.request())
	if err != nil {
		return nil, err
	}
	part := &SandboxesPart{NextCursor: unlessZero(orZero(found.NextCursor))}
	for i := range found.Items {
		part.Items = append(part.Items, newSandbox(c, &found.Items[i]))
	}
	return part, nil
}

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
