package types

// ScreenshotOptions is the form of a picture of the screen.
type ScreenshotOptions struct {
	// ShowCursor says whether the mouse pointer is in the picture. Default: false.
	ShowCursor *bool
	// Format is png, jpeg or, on the local engine, webp. Default: png.
	Format *string
	// Quality is that of a JPEG, 1 to 100. Default: 85.
	Quality *int
	// Scale is the size of the picture as a part of the screen's, 0.1 to 1. Default: 1.
	Scale *float64
}
