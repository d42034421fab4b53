package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// arguments are a step's arguments by their wire names. A case with the wrong ones is a defect of the case: panics.
type arguments map[string]any

func (a arguments) text(name string) string {
	text, ok := a[name].(string)
	if !ok {
		panic(fmt.Sprintf("the argument %s is %v, not a text", name, a[name]))
	}
	return text
}

// into reads an argument as a Go value; a missing one leaves the value as it is.
func into[T any](a arguments, name string) T {
	var value T
	if given, ok := a[name]; ok {
		text, err := json.Marshal(given)
		if err == nil {
			err = json.Unmarshal(text, &value)
		}
		if err != nil {
			panic(fmt.Sprintf("the argument %s: %v", name, err))
		}
	}
	return value
}

func (a arguments) object(name string) arguments {
	object, _ := a[name].(map[string]any)
	return object
}

func (a arguments) has(name string) bool {
	value, ok := a[name]
	return ok && value != nil
}

// duration is an argument in seconds, or nil.
func (a arguments) duration(name string) *time.Duration {
	seconds := into[*float64](a, name)
	if seconds == nil {
		return nil
	}
	duration := time.Duration(*seconds * float64(time.Second))
	return &duration
}

// time is an argument in seconds, or 0.
func (a arguments) time(name string) time.Duration {
	if duration := a.duration(name); duration != nil {
		return *duration
	}
	return 0
}

// given sets a field to an argument, if there is one.
func given[T any](a arguments, name string, field *T) {
	switch field := any(field).(type) {
	case **time.Duration:
		*field = a.duration(name)
	default:
		if a.has(name) {
			*field.(*T) = into[T](a, name)
		}
	}
}

// createParams are the parameters of a sandbox as a Go program writes them.
func createParams(a arguments) any {
	base := types.SandboxBaseParams{
		Name: into[string](a, "name"), User: into[string](a, "user"),
		Language: into[types.CodeLanguage](a, "language"), EnvVars: into[map[string]string](a, "envVars"),
		Labels: into[map[string]string](a, "labels"), Public: into[bool](a, "public"),
		AutoStopInterval: into[*int](a, "autoStopInterval"), AutoArchiveInterval: into[*int](a, "autoArchiveInterval"),
		AutoDeleteInterval: into[*int](a, "autoDeleteInterval"), AutoPauseInterval: into[*int](a, "autoPauseInterval"),
		TTLMinutes: into[*int](a, "ttlMinutes"), Target: into[string](a, "target"),
		Volumes: into[[]types.VolumeMount](a, "volumes"), NetworkBlockAll: into[bool](a, "networkBlockAll"),
		NetworkAllowList: into[*string](a, "networkAllowList"), DomainAllowList: into[*string](a, "domainAllowList"),
		Ephemeral: into[bool](a, "ephemeral"), LinkedSandbox: into[string](a, "linkedSandbox"),
		Secrets: into[map[string]string](a, "secrets"),
	}
	if a.has("image") && a.has("snapshot") {
		// There is no type for both: a program would have to make one up.
		return struct {
			types.SnapshotParams
			Image any
		}{types.SnapshotParams{SandboxBaseParams: base}, a["image"]}
	}
	image := a["image"]
	if a.has("dockerfile") {
		image = daytona.FromDockerfile(into[string](a, "dockerfile"))
	}
	if image != nil {
		return types.ImageParams{
			SandboxBaseParams: base, Image: image, Resources: into[*types.Resources](a, "resources"),
			BuildSecrets: into[map[string]string](a, "buildSecrets"),
		}
	}
	return types.SnapshotParams{SandboxBaseParams: base, Snapshot: into[string](a, "snapshot")}
}
