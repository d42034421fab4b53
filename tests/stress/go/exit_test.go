package stress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

const (
	exits         = 200
	inFlight      = 20
	exitStatus    = 3
	exitTimeLimit = 2 * time.Minute
)

// The ways a program ends.
var ways = []struct {
	name   string
	status func(state *os.ProcessState) bool
}{
	{"return", func(s *os.ProcessState) bool { return s.ExitCode() == 0 }},
	{"exit", func(s *os.ProcessState) bool { return s.ExitCode() == exitStatus }},
	{"interrupt", func(s *os.ProcessState) bool { return endedBy(s, syscall.SIGINT) }},
	{"terminate", func(s *os.ProcessState) bool { return endedBy(s, syscall.SIGTERM) }},
	{"panic", func(s *os.ProcessState) bool { return s.ExitCode() == 2 }},
}

func endedBy(state *os.ProcessState, signal syscall.Signal) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == signal
}

func TestAProgramEndsAsItWantsWithCallsInFlight(t *testing.T) {
	slots := make(chan struct{}, 4)
	var running sync.WaitGroup
	for i := 0; i < exits; i++ {
		way := ways[i%len(ways)]
		running.Add(1)
		slots <- struct{}{}
		go func() {
			defer running.Done()
			defer func() { <-slots }()
			limited, cancel := context.WithTimeout(ctx, exitTimeLimit)
			defer cancel()
			command := exec.CommandContext(limited, os.Args[0])
			command.Env = append(os.Environ(), "STRESS_EXIT="+way.name, "STRESS_SANDBOX="+sandbox.ID)
			var output bytes.Buffer
			command.Stdout, command.Stderr = &output, &output
			err := command.Run()
			var failed *exec.ExitError
			if err != nil && !errors.As(err, &failed) {
				t.Error(err)
				return
			}
			// What a program leaves in the sandbox counts against its limits.
			left := fmt.Sprintf("exit-%d", command.Process.Pid)
			if err := errors.Join(sandbox.Process.KillPtySession(ctx, left), sandbox.Process.DeleteSession(ctx, left)); err != nil {
				t.Error(err)
			}
			if limited.Err() != nil || !way.status(command.ProcessState) || !bytes.HasPrefix(output.Bytes(), []byte("ready\n")) {
				t.Errorf("%s: %s, %.2000s", way.name, command.ProcessState, output.String())
			}
		}()
	}
	running.Wait()
}

// exit is the program that ends: commands, a live log, a process and a terminal are in flight when it does.
func exit(way, sandboxID string) {
	client, err := daytona.NewClient()
	check(err)
	sandbox, err := client.Get(ctx, sandboxID)
	check(err)
	id := fmt.Sprintf("exit-%d", os.Getpid())
	check(sandbox.Process.CreateSession(ctx, id))
	command, err := sandbox.Process.ExecuteSessionCommandTyped(ctx, id, "for i in $(seq 100); do echo $i; sleep 0.1; done", options.WithRunAsync(true))
	check(err)
	terminal, err := sandbox.Process.CreatePty(ctx, id)
	check(err)
	check(terminal.SendInput([]byte("for i in $(seq 100); do echo $i; sleep 0.1; done\n")))
	stdout := make(chan string, 1)
	go sandbox.Process.GetSessionCommandLogsStream(ctx, id, command.CmdID, stdout, nil)
	process, err := sandbox.Process.Spawn(ctx, "for i in $(seq 100); do echo $i; sleep 0.1; done")
	check(err)
	output, err := process.Stdout(ctx)
	check(err)
	go process.Follow(ctx, io.Discard, io.Discard)
	for i := 0; i < inFlight; i++ {
		go sandbox.Process.ExecuteCommand(ctx, "sleep 600")
	}
	<-stdout
	<-terminal.DataChan()
	_, err = output.Read(make([]byte, 1))
	check(err)
	for daytona.DebugStats().Calls < inFlight {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("ready")
	switch way {
	case "return":
	case "exit":
		os.Exit(exitStatus)
	case "interrupt":
		check(syscall.Kill(os.Getpid(), syscall.SIGINT))
		select {}
	case "terminate":
		check(syscall.Kill(os.Getpid(), syscall.SIGTERM))
		select {}
	case "panic":
		panic("on purpose")
	}
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
