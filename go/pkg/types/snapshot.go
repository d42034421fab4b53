package types

// CreateSnapshotParams are for a snapshot, which is made from an image that is fetched or built.
type CreateSnapshotParams struct {
	// Name is unique in the organization.
	Name string
	// Image is what it is made from: an image reference, for example python:3.12-slim, or a *daytona.DockerImage to build.
	Image any
	// Resources are those of the sandboxes that are made from it. Default: the server's.
	Resources *Resources
	// Entrypoint is the program that its sandboxes start with, and its arguments. Default: that of the image.
	Entrypoint []string
	// SkipValidation is whether to take the image as it is, without starting it once. Default: false.
	SkipValidation *bool
	// RegionID is the region. Default: the client's.
	RegionID string
	// SandboxClass is the kind of sandboxes. Default: the server's.
	SandboxClass *SandboxClass
	// ContextHashes name what the build copies and has been uploaded already, by SnapshotService.UploadContext.
	ContextHashes []string
	// BuildSecrets are what commands of the build may read with RUN --mount=type=secret,id=…, by their ids. They become part of no
	// layer, no log and no cached step. Local engine only: Daytona's cloud has none for its builds.
	BuildSecrets map[string]string
	// KeepFailedStep is whether the file system in which a command of the build fails is kept for an hour: FailedStep of the
	// failed snapshot names it. Local engine only. Default: false.
	KeepFailedStep *bool
	// DockerImage is used when Image is nil.
	DockerImage any
}
