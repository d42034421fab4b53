package daytona

// Ptr returns a pointer to a value, for optional fields: daytona.Ptr("3.12").
func Ptr[T any](value T) *T { return &value }

// orZero is the value behind a pointer, or the zero value.
func orZero[T any](value *T) T {
	if value == nil {
		return *new(T)
	}
	return *value
}

// orElse is the value behind a pointer, or another one.
func orElse[T any](value *T, other T) T {
	if value == nil {
		return other
	}
	return *value
}

// unlessZero is nil for the zero value, which means that a field was not set.
func unlessZero[T comparable](value T) *T {
	if value == *new(T) {
		return nil
	}
	return &value
}

// given is an optional last argument.
func given(flag []bool) bool {
	return len(flag) > 0 && flag[0]
}

func pointers[T any](values []T, err error) ([]*T, error) {
	if err != nil {
		return nil, err
	}
	result := make([]*T, len(values))
	for i := range values {
		result[i] = &values[i]
	}
	return result, nil
}

func maps[T any](values []T, mapOf func(T) map[string]any) []map[string]any {
	result := make([]map[string]any, len(values))
	for i, value := range values {
		result[i] = mapOf(value)
	}
	return result
}
