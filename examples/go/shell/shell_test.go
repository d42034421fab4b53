package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

var prompt = regexp.MustCompile(`[$#] $`)

// session is the program in a terminal of its own.
type session struct {
	t        *testing.T
	terminal *os.File // the side of the person
	program  *exec.Cmd
	tty      *os.File // kept open, so that its attributes outlive the program
	before   *term.State

	mu     sync.Mutex
	output bytes.Buffer
}

func begin(t *testing.T) *session {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shell")
	if built, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, built)
	}
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close(); tty.Close() })
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 31, Cols: 101}); err != nil {
		t.Fatal(err)
	}
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command(path)
	program.Env = append(os.Environ(), "DAYTONA_API_URL=local", "TERM=xterm")
	program.Stdin, program.Stdout, program.Stderr = tty, tty, tty
	program.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, terminal: terminal, program: program, tty: tty, before: before}
	go s.read()
	s.until(prompt)
	if s.isRestored() {
		t.Error("the terminal is not raw while the shell runs")
	}
	return s
}

func (s *session) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := s.terminal.Read(buffer)
		s.mu.Lock()
		s.output.Write(buffer[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *session) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

func (s *session) until(expected *regexp.Regexp) {
	s.t.Helper()
	for giveUp := time.Now().Add(30 * time.Second); !expected.MatchString(s.seen()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(giveUp) {
			s.t.Fatalf("%s does not appear: %q", expected, s.seen())
		}
	}
}

func (s *session) typed(text string) {
	s.t.Helper()
	if _, err := s.terminal.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) isRestored() bool {
	s.t.Helper()
	now, err := term.GetState(int(s.tty.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	return reflect.DeepEqual(now, s.before)
}

// end waits for the program and checks what it leaves.
func (s *session) end(code int) {
	s.t.Helper()
	var failed *exec.ExitError
	if err := s.program.Wait(); err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	if got := s.program.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d, want %d: %q", got, code, s.seen())
	}
	if !s.isRestored() {
		s.t.Error("the terminal is not restored")
	}
}

func TestTheShellIsThatOfTheSandboxAndItsExitCodeIsPassedOn(t *testing.T) {
	s := begin(t)
	s.typed("echo $((6*7)) in $HOME; stty size\r")
	s.until(regexp.MustCompile(`42 in /home/daytona\r\n31 101\r\n`))
	s.typed("exit 7\r")
	s.end(7)
}

func TestTheSizeFollowsTheWindow(t *testing.T) {
	s := begin(t)
	if err := pty.Setsize(s.terminal, &pty.Winsize{Rows: 20, Cols: 70}); err != nil {
		t.Fatal(err)
	}
	// The change is on its way until the sandbox has it.
	s.typed("until [ \"$(stty size)\" = '20 70' ]; do sleep 0.05; done; echo is $((20*70))\r")
	s.until(regexp.MustCompile("is 1400\r\n"))
	s.typed("exit\r")
	s.end(0)
}

func TestASignalRestoresTheTerminal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		s := begin(t)
		if err := s.program.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		s.end(128 + int(sig))
	}
}

func TestWithoutATerminalItSaysSo(t *testing.T) {
	program := exec.Command("go", "run", ".")
	program.Stdin = strings.NewReader("echo never\n")
	output, err := program.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "not a terminal") {
		t.Errorf("%v: %s", err, output)
	}
}
