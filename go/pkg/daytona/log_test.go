package daytona_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func TestWhatTheClientDoesReachesTheLoggerAtItsLevel(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	client, err := daytona.NewClientWithConfig(&types.DaytonaConfig{APIKey: "sesame-key", APIUrl: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(ctx)
	defer daytona.SetLogger(nil)
	logged := func(level slog.Level) string {
		var log bytes.Buffer
		daytona.SetLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level})))
		if _, err := client.Get(ctx, "a-sandbox"); err == nil {
			t.Error("a sandbox")
		}
		return log.String()
	}

	log := logged(slog.LevelDebug)
	for _, piece := range []string{"level=DEBUG", "operation=sandbox.get", "method=GET", "url=" + server.URL + "/sandbox/a-sandbox", "status=404", "durationMs="} {
		if !strings.Contains(log, piece) {
			t.Errorf("no %s in %s", piece, log)
		}
	}
	if strings.Contains(log, "sesame") {
		t.Errorf("a secret in %s", log)
	}
	if log := logged(slog.LevelInfo); !strings.Contains(log, "level=INFO") || strings.Contains(log, "level=DEBUG") {
		t.Error(log)
	}
	if log := logged(slog.LevelError + 4); log != "" {
		t.Error(log)
	}
}
