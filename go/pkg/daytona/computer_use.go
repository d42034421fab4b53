package daytona

import (
	"context"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/api"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

// ComputerUseService is the desktop of a sandbox.
type ComputerUseService struct {
	caller api.Caller
}

// MouseService is the mouse of a sandbox's desktop.
type MouseService struct {
	caller api.Caller
}

// KeyboardService is the keyboard of a sandbox's desktop.
type KeyboardService struct {
	caller api.Caller
}

// ScreenshotService takes pictures of a sandbox's desktop.
type ScreenshotService struct {
	caller api.Caller
}

// DisplayService tells of the displays and windows of a sandbox's desktop.
type DisplayService struct {
	caller api.Caller
}

// RecordingService makes recordings of a sandbox's desktop.
type RecordingService struct {
	caller api.Caller
}

// AccessibilityService tells what the programs on a sandbox's desktop show.
type AccessibilityService struct {
	caller api.Caller
}

// Mouse returns the mouse.
func (c *ComputerUseService) Mouse() *MouseService { return &MouseService{caller: c.caller} }

// Keyboard returns the keyboard.
func (c *ComputerUseService) Keyboard() *KeyboardService { return &KeyboardService{caller: c.caller} }

// Screenshot returns what takes pictures of the screen.
func (c *ComputerUseService) Screenshot() *ScreenshotService {
	return &ScreenshotService{caller: c.caller}
}

// Display returns what tells of displays and windows.
func (c *ComputerUseService) Display() *DisplayService { return &DisplayService{caller: c.caller} }

// Recording returns what records the screen.
func (c *ComputerUseService) Recording() *RecordingService {
	return &RecordingService{caller: c.caller}
}

// Accessibility returns what tells what the programs show.
func (c *ComputerUseService) Accessibility() *AccessibilityService {
	return &AccessibilityService{caller: c.caller}
}

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
