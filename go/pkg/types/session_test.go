package types

import (
	"encoding/json"
	"testing"
)

func TestSessionsHaveBothSpellingsAndTheDocumentedGetters(t *testing.T) {
	var session Session
	wire := `{"sessionId":"s","commands":[{"id":"c","command":"ls","exitCode":3},{"id":"d","command":"sleep 9"}]}`
	if err := json.Unmarshal([]byte(wire), &session); err != nil {
		t.Fatal(err)
	}
	if session.SessionId != "s" || session.SessionID != "s" || session.GetSessionId() != "s" || len(session.GetCommands()) != 2 {
		t.Errorf("%+v", session)
	}
	ended, running := session.Commands[0], session.Commands[1]
	if ended.Id != "c" || ended.ID != "c" || ended.GetId() != "c" || ended.GetCommand() != "ls" || ended.GetExitCode() != 3 {
		t.Errorf("%+v", ended)
	}
	if running.HasExitCode() || running.GetExitCode() != 0 || (*Command)(nil).GetExitCode() != 0 {
		t.Errorf("%+v", running)
	}
	if back, err := json.Marshal(session); err != nil || string(back) != wire {
		t.Errorf("%s %v", back, err)
	}
}

func TestALogThatLacksAnOutputHasItEmpty(t *testing.T) {
	var log SessionCommandLogsResponse
	if err := json.Unmarshal([]byte(`{"output":"a","stderr":null}`), &log); err != nil {
		t.Fatal(err)
	}
	if log.GetOutput() != "a" || log.Stdout != "" || log.GetStderr() != "" {
		t.Errorf("%+v", log)
	}
}
