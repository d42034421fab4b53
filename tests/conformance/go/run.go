package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	sdkerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
)

const (
	// retryPause is between two attempts of a step with retryFor.
	retryPause = 100 * time.Millisecond
	// caseLimit is for a case that hangs.
	caseLimit = 5 * time.Minute
)

func runCase(ctx context.Context, client *daytona.Client, shared *daytona.Sandbox, c testCase) (err error) {
	ctx, cancel := context.WithTimeout(ctx, caseLimit)
	defer cancel()
	directory, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	fixtures, err := filepath.Abs(filepath.Join("..", "fixtures"))
	if err != nil {
		return err
	}
	names := known{"unique": unique(), "tmp": directory, "home": "/home/daytona", "fixtures": fixtures}
	sandbox := shared
	switch {
	case c.Sandbox == "own" || c.Create != nil:
		params, err := names.replace(any(c.Create))
		if err != nil {
			return err
		}
		sandbox, err = client.Create(ctx, createParams(arguments(params.(map[string]any))))
		if err != nil {
			return fmt.Errorf("creating the sandbox: %w", err)
		}
		defer func() {
			// Unless the case has done so itself.
			deleted := sandbox.Delete(context.Background())
			if err == nil && deleted != nil && !errors.Is(deleted, sdkerrors.ErrNotFound) {
				err = deleted
			}
		}()
	case c.Sandbox == "none":
		sandbox = nil
	}
	if sandbox != nil {
		names["sandbox"] = sandbox.ID
	}
	for i, s := range c.Steps {
		if err := runStep(ctx, client, sandbox, s, names); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, s.Op, err)
		}
	}
	return nil
}

// unique is different in each run and case.
func unique() string {
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		panic(err)
	}
	return hex.EncodeToString(random[:])
}

func runStep(ctx context.Context, client *daytona.Client, sandbox *daytona.Sandbox, s step, names known) error {
	giveUp := time.Now().Add(time.Duration(s.RetryFor * float64(time.Second)))
	for {
		err := recordedAttempt(ctx, client, sandbox, s, names)
		if err == nil || time.Now().After(giveUp) {
			return err
		}
		time.Sleep(retryPause)
	}
}

func attempt(ctx context.Context, client *daytona.Client, sandbox *daytona.Sandbox, s step, names known) error {
	args, err := names.replace(any(s.Args))
	if err != nil {
		return err
	}
	c := call{client: client, sandbox: sandbox, args: arguments(args.(map[string]any)), detach: s.Detach, read: s.Read}
	for _, text := range s.Input {
		replaced, err := names.replace(text)
		if err != nil {
			return err
		}
		c.input = append(c.input, plain(replaced))
	}
	for _, piece := range s.Pieces {
		replaced, err := names.replace(piece)
		if err != nil {
			return err
		}
		c.pieces = append(c.pieces, replaced.([]byte))
	}
	stepCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.CancelAfter != nil {
		timer := time.AfterFunc(time.Duration(*s.CancelAfter*float64(time.Second)), cancel)
		defer timer.Stop()
	}
	result, err := c.run(stepCtx, s.Op)
	switch {
	case s.Cancelled:
		if !errors.Is(err, context.Canceled) || !errors.Is(err, sdkerrors.ErrCancelled) {
			return fmt.Errorf("not cancelled, but %v with the error %v", result, err)
		}
		return nil
	case s.Error != nil:
		return checkError(err, s.Error, result, names)
	case err != nil:
		return err
	}
	return settle(s, result, names)
}

// settle compares a step's result and keeps what later steps need of it.
func settle(s step, result any, names known) error {
	if s.Expect != nil {
		expected, err := names.replace(s.Expect)
		if err != nil {
			return err
		}
		if err := check(expected, result, "result"); err != nil {
			return err
		}
	}
	for name, path := range s.Save {
		value, ok := at(result, path)
		if !ok {
			return fmt.Errorf("the result %s has no %s", shortened(result), path)
		}
		names[name] = value
	}
	return nil
}

func checkError(err error, expected *expectedError, result any, names known) error {
	var failure *sdkerrors.DaytonaError
	switch {
	case err == nil:
		return fmt.Errorf("no error %s, but %s", expected.Kind, shortened(result))
	case !errors.As(err, &failure):
		return fmt.Errorf("the error is a %T: %w", err, err)
	case !errors.Is(err, sdkerrors.Kind(expected.Kind)):
		return fmt.Errorf("the error is %T (%s), expected %s: %w", err, failure.Kind, expected.Kind, err)
	case expected.Status != nil && failure.StatusCode != *expected.Status:
		return fmt.Errorf("the status is %d, expected %d: %w", failure.StatusCode, *expected.Status, err)
	case expected.Code != nil && failure.Code != *expected.Code:
		return fmt.Errorf("the code is %q, expected %q: %w", failure.Code, *expected.Code, err)
	case expected.Message != nil:
		message, err := names.replace(expected.Message)
		if err != nil {
			return err
		}
		return check(message, failure.Message, "message")
	}
	return nil
}
