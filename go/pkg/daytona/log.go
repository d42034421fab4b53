package daytona

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"sort"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"
)

// SetLogger hands what all clients of the program do to a logger, at the end of each call: requests with their status, time and
// id, retries, and how operations ended. nil takes it back. The logger's level, as it is now, decides what is logged: debug has each
// request, info each operation. DAYTONA_LOG writes the same to standard error.
func SetLogger(logger *slog.Logger) {
	if logger == nil {
		ffi.SetLog("off", nil)
		return
	}
	for _, level := range []string{"debug", "info", "warn", "error"} {
		if logger.Enabled(context.Background(), levelOf(level)) {
			ffi.SetLog(level, func(records []byte) { passRecords(logger.Handler(), records) })
			return
		}
	}
	ffi.SetLog("off", nil)
}

func passRecords(handler slog.Handler, data []byte) {
	var records []struct {
		Time    float64        `json:"time"`
		Level   string         `json:"level"`
		Message string         `json:"message"`
		Fields  map[string]any `json:"fields"`
	}
	if json.Unmarshal(data, &records) != nil {
		return
	}
	ctx := context.Background()
	for _, r := range records {
		seconds, fraction := math.Modf(r.Time)
		record := slog.NewRecord(time.Unix(int64(seconds), int64(fraction*1e9)), levelOf(r.Level), r.Message, 0)
		names := make([]string, 0, len(r.Fields))
		for name := range r.Fields {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			record.AddAttrs(slog.Any(name, r.Fields[name]))
		}
		if handler.Enabled(ctx, record.Level) {
			// A log that cannot be written must not break the call that was logged.
			_ = handler.Handle(ctx, record)
		}
	}
}

func levelOf(name string) slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(name)) // unknown levels are info
	return level
}
