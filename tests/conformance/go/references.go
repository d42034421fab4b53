package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// known are the values a case knows by name.
type known map[string]any

// replace returns value with every ${name} replaced, and with bytes for {"$text": …} and {"$base64": …}.
func (k known) replace(value any) (any, error) {
	switch v := value.(type) {
	case string:
		return k.replaceText(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			replaced, err := k.replace(v[i])
			if err != nil {
				return nil, err
			}
			list[i] = replaced
		}
		return list, nil
	case map[string]any:
		object := map[string]any{}
		for key, value := range v {
			name, err := k.replaceText(key)
			if err != nil {
				return nil, err
			}
			if object[plain(name)], err = k.replace(value); err != nil {
				return nil, err
			}
		}
		return bytesOf(object)
	}
	return value, nil
}

func (k known) replaceText(text string) (any, error) {
	if name, whole := strings.CutPrefix(text, "${"); whole && strings.Index(name, "}") == len(name)-1 {
		return k.find(strings.TrimSuffix(name, "}"))
	}
	var replaced strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return replaced.String() + text, nil
		}
		value, err := k.find(name)
		if err != nil {
			return nil, err
		}
		replaced.WriteString(before + plain(value))
		text = after
	}
}

func (k known) find(name string) (any, error) {
	value, ok := k[name]
	if !ok {
		return nil, fmt.Errorf("nothing is known as ${%s}", name)
	}
	return value, nil
}

// bytesOf returns the bytes that an object stands for, or the object.
func bytesOf(object map[string]any) (any, error) {
	if len(object) != 1 {
		return object, nil
	}
	if text, ok := object["$text"].(string); ok {
		return []byte(text), nil
	}
	if text, ok := object["$base64"].(string); ok {
		return base64.StdEncoding.DecodeString(text)
	}
	return object, nil
}

func plain(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, _ := json.Marshal(value) // came from JSON
	return string(text)
}

// at returns the value at a path like items.0.id; the empty path is the whole.
func at(value any, path string) (any, bool) {
	if path == "" {
		return value, true
	}
	for _, key := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			found, ok := v[key]
			if !ok {
				return nil, false
			}
			value = found
		case []any:
			index, err := strconv.Atoi(key)
			if err != nil || index < 0 || index >= len(v) {
				return nil, false
			}
			value = v[index]
		default:
			return nil, false
		}
	}
	return value, true
}
