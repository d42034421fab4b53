package daytona

import (
	"context"
	"encoding/json"
	"io"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// transferred waits for the end of a transfer; leaving it gives the transfer up.
func transferred(ctx context.Context, progress func(types.DirectoryProgress)) func(*api.Stream, error) (*types.DirectoryResult, error) {
	return func(stream *api.Stream, err error) (*types.DirectoryResult, error) {
		if err != nil {
			return nil, err
		}
		defer stream.Close()
		reports := frames{stream: stream.Stream}
		for {
			report, err := reports.next(ctx, formBytes)
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			if report.tag != frameProgress || progress == nil {
				continue
			}
			var at types.DirectoryProgress
			if err := json.Unmarshal(report.content, &at); err != nil {
				return nil, errors.New(errors.ErrInternal, "The transfer's progress cannot be read.")
			}
			progress(at)
		}
		result := new(types.DirectoryResult)
		if err := json.Unmarshal(reports.result, result); err != nil {
			return nil, errors.New(errors.ErrInternal, "The transfer's result cannot be read.")
		}
		return result, nil
	}
}
