package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
)

// call is a step's call: what a Go program would write for it.
type call struct {
	client  *daytona.Client
	sandbox *daytona.Sandbox
	args    arguments
	input   []string
	pieces  [][]byte
	detach  bool
}

// run makes the call and returns its result in the schema's names; bytes are []byte.
func (c call) run(ctx context.Context, op string) (any, error) {
	service, name, _ := strings.Cut(op, ".")
	switch service {
	case "sandbox":
		return c.sandboxes(ctx, name)
	case "process":
		return c.process(ctx, name)
	case "fs":
		return c.files(ctx, name)
	case "git":
		return c.git(ctx, name)
	case "code_interpreter":
		return c.interpreter(ctx, name)
	}
	return nil, unknown(op)
}

func unknown(op string) error {
	return fmt.Errorf("this runner does not know the operation %s", op)
}

// wire turns a result whose JSON has the schema's names into maps and lists.
func wire(result any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(result)
	if err != nil {
		return nil, err
	}
	var value any
	return value, json.Unmarshal(text, &value)
}

func none(err error) (any, error) { return nil, err }
