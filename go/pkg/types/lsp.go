package types

// LspLanguageID is the language of a language server.
type LspLanguageID = LspLanguageId

// Languages of language servers.
const (
	// Python.
	LspLanguagePython LspLanguageID = LspLanguageIdPython
	// TypeScript.
	LspLanguageTypeScript LspLanguageID = LspLanguageIdTypeScript
	// JavaScript.
	LspLanguageJavaScript LspLanguageID = LspLanguageIdJavaScript

	// LspLanguageIDPython is LspLanguagePython.
	LspLanguageIDPython = LspLanguagePython
	// LspLanguageIDTypeScript is LspLanguageTypeScript.
	LspLanguageIDTypeScript = LspLanguageTypeScript
	// LspLanguageIDJavaScript is LspLanguageJavaScript.
	LspLanguageIDJavaScript = LspLanguageJavaScript
)
