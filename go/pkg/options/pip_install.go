package options

// PipInstall are options of pip.
type PipInstall struct {
	// FindLinks are pages or archives with links to packages.
	FindLinks []string
	// IndexURL is the index to use instead of PyPI.
	IndexURL string
	// ExtraIndexURLs are further indexes.
	ExtraIndexURLs []string
	// Pre is whether to take pre-releases.
	Pre bool
	// ExtraOptions are further arguments of pip, as a shell reads them.
	ExtraOptions string
	// OptionalDependencies are the groups of a pyproject.toml to install too.
	OptionalDependencies []string
}

// WithFindLinks adds pages or archives with links to packages.
func WithFindLinks(links ...string) func(*PipInstall) {
	return func(o *PipInstall) { o.FindLinks = append(o.FindLinks, links...) }
}

// WithIndexURL sets the index to use instead of PyPI.
func WithIndexURL(url string) func(*PipInstall) {
	return func(o *PipInstall) { o.IndexURL = url }
}

// WithExtraIndexURLs adds indexes.
func WithExtraIndexURLs(urls ...string) func(*PipInstall) {
	return func(o *PipInstall) { o.ExtraIndexURLs = append(o.ExtraIndexURLs, urls...) }
}

// WithPre takes pre-releases.
func WithPre() func(*PipInstall) {
	return func(o *PipInstall) { o.Pre = true }
}

// WithExtraOptions sets further arguments of pip, as a shell reads them.
func WithExtraOptions(options string) func(*PipInstall) {
	return func(o *PipInstall) { o.ExtraOptions = options }
}

// WithOptionalDependencies adds groups of a pyproject.toml to install too.
func WithOptionalDependencies(groups ...string) func(*PipInstall) {
	return func(o *PipInstall) { o.OptionalDependencies = append(o.OptionalDependencies, groups...) }
}
