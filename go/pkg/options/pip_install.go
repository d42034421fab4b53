package options

// WithPre takes pre-releases.
func WithPre() func(*PipInstall) {
	return func(o *PipInstall) { o.Pre = true }
}
