//! Language servers.

use serde::{Deserialize, Deserializer, Serialize};
use serde_with::skip_serializing_none;

use super::{Json, null_as_default, whole_if_any};

/// Language of a language server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LspLanguageId {
    /// Python.
    Python,
    /// TypeScript.
    #[serde(rename = "typescript")]
    TypeScript,
    /// JavaScript.
    #[serde(rename = "javascript")]
    JavaScript,
    /// A language this version does not know, as it was named.
    #[serde(untagged)]
    Other(String),
}

impl Default for LspLanguageId {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

/// A language server of a sandbox: a language and a project. Each such pair has a server of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LspServerInfo {
    /// Language of the server.
    pub language_id: LspLanguageId,
    /// Directory of the project; a relative path begins at the sandbox's working directory.
    pub path_to_project: String,
}

/// A position in a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LspCompletionPosition {
    /// Line, from 0.
    pub line: i64,
    /// Character in the line, from 0. A character outside Unicode's first 65,536 counts as two (UTF-16).
    pub character: i64,
}

/// A part of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LspRange {
    /// First position.
    #[serde(deserialize_with = "null_as_default")]
    pub start: LspCompletionPosition,
    /// Position after the last one.
    #[serde(deserialize_with = "null_as_default")]
    pub end: LspCompletionPosition,
}

/// A part of a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LspLocation {
    /// The file as a `file://` URI, in which some characters are percent-encoded.
    #[serde(deserialize_with = "null_as_default")]
    pub uri: String,
    /// Part of the file.
    #[serde(deserialize_with = "null_as_default")]
    pub range: LspRange,
}

/// A symbol of a document or project: a class, a function, a variable.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LspSymbol {
    /// Kind, as a number of the Language Server Protocol: 5 is a class, 6 a method, 12 a function, 13 a variable.
    pub kind: i64,
    /// The whole of it in its file. Servers that tell symbols of a document as a tree may leave it out.
    #[serde(deserialize_with = "null_as_default")]
    pub location: LspLocation,
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// More about it, for example its signature.
    pub detail: Option<String>,
    /// Name of the symbol that holds it, where the server says so.
    pub container_name: Option<String>,
    /// Symbols inside it, where the server tells them as a tree.
    pub children: Option<Vec<LspSymbol>>,
}

/// A possible completion.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompletionItem {
    /// Text that is shown, and inserted unless `insert_text` says otherwise.
    #[serde(deserialize_with = "null_as_default")]
    pub label: String,
    /// Kind, as a number of the Language Server Protocol: 2 is a method, 3 a function, 5 a field, 6 a variable, 7 a class.
    #[serde(deserialize_with = "whole_if_any")]
    pub kind: Option<i64>,
    /// More about it, for example its type.
    pub detail: Option<String>,
    /// Documentation, as Markdown or plain text.
    #[serde(deserialize_with = "text_of_markup")]
    pub documentation: Option<String>,
    /// Text by which the items are sorted. Default: `label`.
    pub sort_text: Option<String>,
    /// Text to compare with what has been typed. Default: `label`.
    pub filter_text: Option<String>,
    /// Text to insert. Default: `label`.
    pub insert_text: Option<String>,
}

/// Possible completions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompletionList {
    /// Whether typing on may show items that are not in this list.
    #[serde(deserialize_with = "null_as_default")]
    pub is_incomplete: bool,
    /// The items.
    #[serde(deserialize_with = "null_as_default")]
    pub items: Vec<CompletionItem>,
}

/// Options of `completions`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompletionsOptions {
    /// Why the completion is asked for: 1 = by the user, 2 = by typing `trigger_character`, 3 = again, since the last list was
    /// incomplete. Default: 2 with a `trigger_character`, else 1.
    pub trigger_kind: Option<i64>,
    /// The character that was typed, for example `.`.
    pub trigger_character: Option<String>,
}

/// What is known of a place in a document.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LspHover {
    /// Types and documentation as Markdown or plain text; empty when nothing is known.
    #[serde(deserialize_with = "null_as_default")]
    pub contents: String,
    /// Part of the document that it is about.
    pub range: Option<LspRange>,
}

/// Options of `references`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReferencesOptions {
    /// Whether the definition itself is among the places. Default: true.
    pub include_declaration: Option<bool>,
}

/// A problem in a document.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LspDiagnostic {
    /// Part of the document.
    #[serde(deserialize_with = "null_as_default")]
    pub range: LspRange,
    /// Severity: 1 = error, 2 = warning, 3 = information, 4 = hint.
    #[serde(deserialize_with = "whole_if_any")]
    pub severity: Option<i64>,
    /// The server's code of the problem.
    pub code: Option<String>,
    /// Part of the server that found it.
    pub source: Option<String>,
    /// The problem in words.
    #[serde(deserialize_with = "null_as_default")]
    pub message: String,
}

/// A change of a document: a part of it, and the text to put there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LspTextEdit {
    /// Part of the document as it is now.
    #[serde(deserialize_with = "null_as_default")]
    pub range: LspRange,
    /// Text to put there.
    #[serde(deserialize_with = "null_as_default")]
    pub new_text: String,
}

/// Changes of a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LspFileEdits {
    /// The file as a `file://` URI, in which some characters are percent-encoded.
    #[serde(deserialize_with = "null_as_default")]
    pub uri: String,
    /// Its changes, whose parts do not overlap: made from the last to the first, each fits.
    #[serde(deserialize_with = "null_as_default")]
    pub edits: Vec<LspTextEdit>,
}

/// Options of `formatting`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FormattingOptions {
    /// Columns of a level of indentation, where the project's settings don't say it. Default: 4.
    pub tab_size: Option<i64>,
    /// Whether to indent with spaces. Default: true.
    pub insert_spaces: Option<bool>,
}

/// Text that servers write as such, or as an object with its kind.
fn text_of_markup<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Json>::deserialize(deserializer)? {
        Some(Json::String(text)) => Some(text),
        Some(Json::Object(markup)) => markup.get("value").and_then(Json::as_str).map(str::to_owned),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{CompletionList, LspSymbol};

    #[test]
    fn documentation_is_text_however_it_is_written() {
        let text = r#"{"isIncomplete":null,"items":[{"label":"a","documentation":"plain"},
            {"label":"b","kind":3.0,"documentation":{"kind":"markdown","value":"**b**"}},{"label":"c","documentation":null}]}"#;
        let list: CompletionList = serde_json::from_str(text).unwrap();
        let told: Vec<_> = list.items.iter().map(|item| item.documentation.as_deref()).collect();
        assert_eq!(told, [Some("plain"), Some("**b**"), None]);
        assert_eq!(list.items[1].kind, Some(3));
    }

    #[test]
    fn symbols_without_a_location_are_read() {
        let text = r#"{"name":"A","kind":5,"location":null,"children":[{"name":"f","kind":6}]}"#;
        let symbol: LspSymbol = serde_json::from_str(text).unwrap();
        assert_eq!(symbol.children.unwrap()[0].name, "f");
    }
}
