package types

import "time"

// timeLayouts are the forms servers have used.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999 -0700 MST", time.RFC1123}

// parseTime returns the first of the texts that is a time, or the zero time.
func parseTime(texts ...string) time.Time {
	for _, text := range texts {
		for _, layout := range timeLayouts {
			if parsed, err := time.Parse(layout, text); err == nil {
				return parsed
			}
		}
	}
	return time.Time{}
}

// orEmpty is the value behind a pointer, or the zero value.
func orEmpty[T any](pointer *T) T {
	if pointer == nil {
		return *new(T)
	}
	return *pointer
}
