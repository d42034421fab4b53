package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// TakeCompressed takes a picture of the whole screen in a form of choice: smaller, for models that read it.
//
// Parameters:
//   - screenshot: the form; nil for a PNG of full size without the pointer.
//
// Errors: ErrInvalidArgument when an option is out of range, ErrValidation for an unknown format,
// ErrServiceUnavailable when the sandbox has no desktop or it does not run.
func (s *ScreenshotService) TakeCompressed(ctx context.Context, screenshot *types.ScreenshotOptions) (*types.ScreenshotResponse, error) {
	return s.takeCompressed(ctx, form(screenshot))
}

// TakeCompressedRegion takes a picture of a part of the screen in a form of choice.
//
// Parameters:
//   - region: the part.
//   - screenshot: the form; nil for a PNG of full size without the pointer.
//
// Errors: ErrInvalidArgument when the region is empty or an option is out of range, ErrValidation for an
// unknown format or when the region is outside the screen, ErrServiceUnavailable when the sandbox has no desktop or it
// does not run.
func (s *ScreenshotService) TakeCompressedRegion(ctx context.Context, region types.ScreenshotRegion, screenshot *types.ScreenshotOptions) (*types.ScreenshotResponse, error) {
	return s.takeCompressedRegion(ctx, region, form(screenshot))
}

func form(screenshot *types.ScreenshotOptions) *options.Screenshot {
	if screenshot == nil {
		return &options.Screenshot{}
	}
	return &options.Screenshot{
		ShowCursor: screenshot.ShowCursor, Format: screenshot.Format, Quality: screenshot.Quality, Scale: screenshot.Scale,
	}
}

// outcome is for methods that tell only whether it worked.
func outcome(_ any, err error) error { return err }
