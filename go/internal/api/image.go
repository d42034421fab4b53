package api

import (
	"encoding/json"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// image adds what something is made from: the name of an image, or one to build.
func (c *Call) image(image any) {
	if name, ok := image.(string); ok {
		c.Text("image", name)
		return
	}
	dockerfile, contexts, err := ImageParts(image)
	if err != nil {
		c.err = err
		return
	}
	c.Text("dockerfile", dockerfile)
	if len(contexts) > 0 {
		List(c, "contexts", contexts, (*Call).Context)
	}
}

// Snapshot adds the id of a snapshot, or its name where that is all that is known.
func (c *Call) Snapshot(name string, snapshot *types.Snapshot) {
	switch {
	case snapshot == nil:
		c.fail("The snapshot is nil.")
	case snapshot.ID != "":
		c.Text(name, snapshot.ID)
	default:
		c.Text(name, snapshot.Name)
	}
}

// ImageParts takes an image to build apart: its Dockerfile, and the local files it copies.
func ImageParts(image any) (string, []Context, error) {
	wrong := errors.New(errors.ErrInvalidArgument, fmt.Sprintf("Image is a %T; it must be a string or a *daytona.DockerImage.", image))
	builder, ok := image.(json.Marshaler)
	if !ok {
		return "", nil, wrong
	}
	encoded, err := builder.MarshalJSON()
	if err != nil {
		return "", nil, err
	}
	var parts struct {
		Dockerfile *string
		Contexts   []Context
	}
	if json.Unmarshal(encoded, &parts) != nil || parts.Dockerfile == nil {
		return "", nil, wrong
	}
	return *parts.Dockerfile, parts.Contexts, nil
}
