package main

import (
	"os"
	"os/exec"
	"testing"
)

func TestTheExamplesRun(t *testing.T) {
	for _, name := range []string{"desktop", "files", "first", "git", "images", "interpreter", "language_servers", "life", "network", "previews", "processes", "secrets", "ssh", "telemetry", "terminals", "volumes", "webhooks"} {
		t.Run(name, func(t *testing.T) {
			program := exec.Command("go", "run", "./"+name)
			program.Env = append(os.Environ(), "DAYTONA_API_URL=local")
			if output, err := program.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}
