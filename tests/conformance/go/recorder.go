package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
)

// recorder is where requests are recorded; empty when they are not. It must know whose requests it sees, so cases run one
// at a time then.
var recorder = os.Getenv("DAYTONA_CONFORMANCE_RECORDER")

// recordedAttempt makes an attempt whose requests are compared, where there is a recorder.
func recordedAttempt(ctx context.Context, client *daytona.Client, sandbox *daytona.Sandbox, s step, names known) error {
	if recorder == "" || s.Requests == nil {
		return attempt(ctx, client, sandbox, s, names)
	}
	if err := tellRecorder(names, nil); err != nil {
		return err
	}
	if err := attempt(ctx, client, sandbox, s, names); err != nil {
		return err
	}
	return tellRecorder(names, s.Requests)
}

// tellRecorder tells the recorder of a step; its error is what differs.
func tellRecorder(names known, requests any) error {
	told, err := json.Marshal(map[string]any{"runner": runnerName, "known": names, "requests": requests})
	if err != nil {
		return err
	}
	answer, err := http.Post(recorder, "application/json", bytes.NewReader(told))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	difference, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return errors.New(string(difference))
}
