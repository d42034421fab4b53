package main

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"sort"
	"strings"
)

// check compares a result with what a case expects; the error says where and how they differ.
func check(expected, actual any, place string) error {
	differs := fmt.Errorf("%s is %s, expected %s", place, shortened(actual), shortened(expected))
	switch e := expected.(type) {
	case []byte:
		if a, ok := actual.([]byte); ok && bytes.Equal(a, e) {
			return nil
		}
		return differs
	case map[string]any:
		if name, wanted, ok := matcher(e); ok {
			met, err := match(name, wanted, actual, place)
			if err == nil && !met {
				err = differs
			}
			return err
		}
		a, ok := actual.(map[string]any)
		if !ok {
			return differs
		}
		for _, key := range keys(e) {
			if err := check(e[key], a[key], place+"."+key); err != nil {
				return err
			}
		}
		return nil
	case []any:
		a, ok := actual.([]any)
		if !ok || len(a) != len(e) {
			return differs
		}
		for i := range e {
			if err := check(e[i], a[i], fmt.Sprintf("%s.%d", place, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if reflect.DeepEqual(expected, actual) {
		return nil
	}
	return differs
}

func matcher(object map[string]any) (name string, wanted any, ok bool) {
	for name, wanted = range object {
	}
	return name, wanted, len(object) == 1 && strings.HasPrefix(name, "$")
}

func match(name string, wanted, actual any, place string) (bool, error) {
	text, isText := actual.(string)
	list, isList := actual.([]any)
	pattern, _ := wanted.(string)
	switch name {
	case "$absent":
		// Go has no missing texts, only empty ones.
		return actual == nil || actual == "", nil
	case "$type":
		return typeName(actual) == wanted, nil
	case "$contains":
		return isText && strings.Contains(text, pattern), nil
	case "$regex":
		expression, err := regexp.Compile(pattern)
		return err == nil && isText && expression.MatchString(text), err
	case "$length":
		return isList && float64(len(list)) == wanted, nil
	case "$some":
		for _, element := range list {
			if check(wanted, element, place) == nil {
				return true, nil
			}
		}
		return false, nil
	}
	return false, fmt.Errorf("there is no matcher %s", name)
}

func typeName(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	}
	return "bytes"
}

func keys(object map[string]any) []string {
	var names []string
	for name := range object {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func shortened(value any) string {
	text := fmt.Sprintf("%#v", value)
	if data, ok := value.([]byte); ok {
		text = fmt.Sprintf("bytes %q", data)
	}
	if len(text) > 400 {
		return text[:400] + "…"
	}
	return text
}
