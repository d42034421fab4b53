package types

// CodeToolboxLanguageLabel is the label that holds a sandbox's language.
const CodeToolboxLanguageLabel = "code-toolbox-language"

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
