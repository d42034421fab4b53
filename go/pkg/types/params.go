package types

// CodeToolboxLanguageLabel is the label that holds a sandbox's language.
const CodeToolboxLanguageLabel = "code-toolbox-language"

// SandboxBaseParams are what all ways to create a sandbox have in common.
type SandboxBaseParams struct {
	// Name, unique in the organization. Default: the id.
	Name string
	// User of the operating system. Default: daytona.
	User string
	// Language of CodeRun. Default: python.
	Language CodeLanguage
	// CodeLanguage is used when Language is empty.
	//
	// Deprecated: use Language.
	CodeLanguage CodeLanguage
	// EnvVars are environment variables of every process in the sandbox.
	EnvVars map[string]string
	// Labels to find the sandbox by.
	Labels map[string]string
	// Public tells whether previews of the sandbox's ports need no authentication.
	Public bool
	// AutoStopInterval is the minutes without activity after which the sandbox stops; 0 = never. Default: 15.
	AutoStopInterval *int
	// AutoArchiveInterval is the minutes stopped after which the sandbox is archived; 0 = the longest the server
	// allows. Default: 7 days.
	AutoArchiveInterval *int
	// AutoDeleteInterval is the minutes stopped after which the sandbox is deleted; 0 = at once, negative = never.
	// Default: never.
	AutoDeleteInterval *int
	// AutoPauseInterval is the minutes without activity after which the sandbox is paused; 0 = never.
	AutoPauseInterval *int
	// TTLMinutes is the minutes since creation after which the sandbox is deleted whatever its state; 0 = never.
	TTLMinutes *int
	// Target is the region. Default: the client's.
	Target string
	// Volumes to mount.
	Volumes []VolumeMount
	// NetworkBlockAll blocks all network access.
	NetworkBlockAll bool
	// NetworkAllowList are comma-separated networks (CIDR) the sandbox may reach.
	NetworkAllowList *string
	// DomainAllowList are comma-separated domains the sandbox may reach.
	DomainAllowList *string
	// Ephemeral deletes the sandbox when it stops.
	Ephemeral bool
	// LinkedSandbox is the id or name of a sandbox whose lifecycle this one follows.
	LinkedSandbox string
}

// SnapshotParams are for a sandbox from a snapshot.
type SnapshotParams struct {
	SandboxBaseParams
	// Snapshot is its id or name. Default: the default snapshot of the server.
	Snapshot string
}

// ImageParams are for a sandbox from an image.
type ImageParams struct {
	SandboxBaseParams
	// Image is a reference such as "python:3.12-slim".
	Image any
	// Resources of the sandbox.
	Resources *Resources
}

// CodeRunParams are arguments of a program.
type CodeRunParams struct {
	// Argv are its command-line arguments.
	Argv []string
	// Env are its environment variables.
	Env map[string]string
	// Code is the program, used when CodeRun is given none.
	Code string
	// Language of the program. Default: the sandbox's.
	Language CodeLanguage
}

// UpdateSandboxNetworkSettings is the second name of [NetworkSettings].
type UpdateSandboxNetworkSettings = NetworkSettings
