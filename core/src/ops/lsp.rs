//! Language servers: completions, symbols, definitions and more, for a language and a project.

use http::Method;
use serde::Serialize;
use serde_json::json;

use super::LspServers;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    CompletionList, CompletionsOptions, FormattingOptions, Json, LspCompletionPosition, LspDiagnostic, LspFileEdits,
    LspHover, LspLocation, LspServerInfo, LspSymbol, LspTextEdit, ReferencesOptions,
};

/// A request about a document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    #[serde(flatten)]
    server: &'a LspServerInfo,
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<LspCompletionPosition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<FormattingOptions>,
}

impl<'a> About<'a> {
    fn document(server: &'a LspServerInfo, path: &str) -> Result<Self> {
        check(server)?;
        if path.is_empty() {
            return Err(Error::invalid_argument("The path of the document is empty."));
        }
        Ok(Self { server, uri: uri(server, path), position: None, context: None, new_name: None, options: None })
    }

    fn place(server: &'a LspServerInfo, path: &str, position: LspCompletionPosition) -> Result<Self> {
        for (name, number) in [("line", position.line), ("character", position.character)] {
            if number < 0 {
                return Err(Error::invalid_argument(format!("The position's {name} is {number}: it counts from 0.")));
            }
        }
        Ok(Self { position: Some(position), ..Self::document(server, path)? })
    }
}

impl LspServers {
    /// Starts the server. Nothing happens when it runs already.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    ///
    /// # Errors
    /// `NotImplemented` when the sandbox has no server for the language, `NotFound` when there is no such project directory,
    /// `Timeout` when the server does not answer in time.
    ///
    /// # Examples
    /// `language_servers assistant`
    pub async fn start(&self, server: LspServerInfo) -> Result<()> {
        self.tell("lsp.start", "/lsp/start", check(&server).map(|()| &server)).await
    }

    /// Stops the server with all it has open.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when it has not been started.
    pub async fn stop(&self, server: LspServerInfo) -> Result<()> {
        self.tell("lsp.stop", "/lsp/stop", check(&server).map(|()| &server)).await
    }

    /// Tells the server that a file is being worked on, so that it is prepared for requests about it.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `FileNotFound` when there is no such file.
    pub async fn did_open(&self, server: LspServerInfo, path: &str) -> Result<()> {
        self.tell("lsp.did_open", "/lsp/did-open", About::document(&server, path)).await
    }

    /// Tells the server that a file is not worked on any more, so that it can forget it.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started.
    pub async fn did_close(&self, server: LspServerInfo, path: &str) -> Result<()> {
        self.tell("lsp.did_close", "/lsp/did-close", About::document(&server, path)).await
    }

    /// Returns possible completions at a position.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    /// * `position`: Place of the cursor.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `FileNotFound` when there is no such file, `Timeout`
    /// when the server does not answer in time.
    ///
    /// # Examples
    /// `language_servers assistant`
    pub async fn completions(
        &self,
        server: LspServerInfo,
        path: &str,
        position: LspCompletionPosition,
        options: CompletionsOptions,
    ) -> Result<CompletionList> {
        let about = About::place(&server, path, position).map(|about| About { context: context(&options), ..about });
        self.ask("lsp.completions", "/lsp/completions", about).await
    }

    /// Returns the symbols of a file: its classes, functions and variables.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    ///
    /// # Returns
    /// The symbols; those inside others are their children where the server tells a tree.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `FileNotFound` when there is no such file, `Timeout`
    /// when the server does not answer in time.
    ///
    /// # Examples
    /// `language_servers assistant`
    pub async fn document_symbols(&self, server: LspServerInfo, path: &str) -> Result<Vec<LspSymbol>> {
        let about = About::document(&server, path).map(|about| ("uri", about.uri));
        self.symbols("lsp.document_symbols", "/lsp/document-symbols", &server, about).await
    }

    /// Returns the symbols of the whole project that match a text.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `query`: Text that the names resemble.
    ///
    /// # Returns
    /// The symbols.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `NotImplemented` when it does not search projects,
    /// `Timeout` when it does not answer in time.
    ///
    /// # Examples
    /// `language_servers assistant`
    pub async fn sandbox_symbols(&self, server: LspServerInfo, query: &str) -> Result<Vec<LspSymbol>> {
        let about = check(&server).map(|()| ("query", query.to_owned()));
        self.symbols("lsp.sandbox_symbols", "/lsp/workspacesymbols", &server, about).await
    }

    /// Returns types and documentation of what is at a position. Daytona's cloud does not offer it, the local engine does.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    /// * `position`: Place in the file.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `NotImplemented` when it, or this sandbox, does not
    /// support it, `FileNotFound` when there is no such file.
    ///
    /// # Examples
    /// `language_servers understand`
    pub async fn hover(&self, server: LspServerInfo, path: &str, position: LspCompletionPosition) -> Result<LspHover> {
        self.ask("lsp.hover", "/lsp/hover", About::place(&server, path, position)).await.map_err(not_offered)
    }

    /// Returns where something is defined. Daytona's cloud does not offer it, the local engine does.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    /// * `position`: Place in the file where it is used.
    ///
    /// # Returns
    /// The places; none when it is not known.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `NotImplemented` when it, or this sandbox, does not
    /// support it, `FileNotFound` when there is no such file.
    ///
    /// # Examples
    /// `language_servers understand`
    pub async fn definition(
        &self,
        server: LspServerInfo,
        path: &str,
        position: LspCompletionPosition,
    ) -> Result<Vec<LspLocation>> {
        self.ask("lsp.definition", "/lsp/definition", About::place(&server, path, position)).await.map_err(not_offered)
    }

    /// Returns where something is used. Daytona's cloud does not offer it, the local engine does.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    /// * `position`: Place in the file where it is used or defined.
    ///
    /// # Returns
    /// The places.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `NotImplemented` when it, or this sandbox, does not
    /// support it, `FileNotFound` when there is no such file.
    ///
    /// # Examples
    /// `language_servers understand`
    pub async fn references(
        &self,
        server: LspServerInfo,
        path: &str,
        position: LspCompletionPosition,
        options: ReferencesOptions,
    ) -> Result<Vec<LspLocation>> {
        let context = json!({ "includeDeclaration": options.include_declaration.unwrap_or(true) });
        let about = About::place(&server, path, position).map(|about| About { context: Some(context), ..about });
        self.ask("lsp.references", "/lsp/references", about).await.map_err(not_offered)
    }

    /// Returns the problems of a file: errors and warnings. Daytona's cloud does not offer it, the local engine does.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    ///
    /// # Returns
    /// The problems; none when all is well.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `NotImplemented` when it, or this sandbox, does not
    /// support it, `FileNotFound` when there is no such file.
    ///
    /// # Examples
    /// `language_servers understand`
    pub async fn diagnostics(&self, server: LspServerInfo, path: &str) -> Result<Vec<LspDiagnostic>> {
        self.ask("lsp.diagnostics", "/lsp/diagnostics", About::document(&server, path)).await.map_err(not_offered)
    }

    /// Returns the changes that give something another name in the whole project. No file is changed. Daytona's cloud does not
    /// offer it, the local engine does.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    /// * `position`: Place in the file where it is used or defined.
    /// * `new_name`: The new name.
    ///
    /// # Returns
    /// The changes by file.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `NotImplemented` when it, or this sandbox, does not
    /// support it, `FileNotFound` when there is no such file, `UnprocessableEntity` when the server refuses the name.
    ///
    /// # Examples
    /// `language_servers change`
    pub async fn rename(
        &self,
        server: LspServerInfo,
        path: &str,
        position: LspCompletionPosition,
        new_name: &str,
    ) -> Result<Vec<LspFileEdits>> {
        let about = match new_name {
            "" => Err(Error::invalid_argument("The new name is empty.")),
            name => About::place(&server, path, position).map(|about| About { new_name: Some(name), ..about }),
        };
        self.ask("lsp.rename", "/lsp/rename", about).await.map_err(not_offered)
    }

    /// Returns the changes that format a file. The file is not changed. Daytona's cloud does not offer it, the local engine does.
    ///
    /// # Parameters
    /// * `server`: Language and project.
    /// * `path`: Path of the file; a relative path begins at the project.
    ///
    /// # Returns
    /// The changes; none when the file is well formatted.
    ///
    /// # Errors
    /// `LspServerNotInitialized` when the server has not been started, `NotImplemented` when it, or this sandbox, does not
    /// support it, `FileNotFound` when there is no such file.
    ///
    /// # Examples
    /// `language_servers change`
    pub async fn formatting(
        &self,
        server: LspServerInfo,
        path: &str,
        options: FormattingOptions,
    ) -> Result<Vec<LspTextEdit>> {
        let options = FormattingOptions {
            tab_size: Some(options.tab_size.unwrap_or(4)),
            insert_spaces: Some(options.insert_spaces.unwrap_or(true)),
        };
        let about = About::document(&server, path).map(|about| About { options: Some(options), ..about });
        self.ask("lsp.formatting", "/lsp/formatting", about).await.map_err(not_offered)
    }

    /// Sends a request that has no result.
    async fn tell(&self, operation: &'static str, route: &str, body: Result<impl Serialize>) -> Result<()> {
        let work = async { self.toolbox.request(Method::POST, route).await?.json(&body?).done().await };
        self.toolbox.client.run(operation, DEFAULT_LIMIT, work).await
    }

    /// Sends a request, and reads its result. `null` is the empty one.
    async fn ask<T: serde::de::DeserializeOwned + Default>(
        &self,
        operation: &'static str,
        route: &str,
        body: Result<About<'_>>,
    ) -> Result<T> {
        let work = async {
            let request = self.toolbox.request(Method::POST, route).await?.json(&body?);
            Ok(request.read::<Option<T>>().await?.unwrap_or_default())
        };
        self.toolbox.client.run(operation, DEFAULT_LIMIT, work).await
    }

    async fn symbols(
        &self,
        operation: &'static str,
        route: &str,
        server: &LspServerInfo,
        about: Result<(&'static str, String)>,
    ) -> Result<Vec<LspSymbol>> {
        let work = async {
            let (name, value) = about?;
            let language = language(server)?;
            let request = self.toolbox.request(Method::GET, route).await?;
            let request = request.query("languageId", language).query("pathToProject", &server.path_to_project);
            Ok(request.query(name, value).read::<Option<Vec<LspSymbol>>>().await?.unwrap_or_default())
        };
        self.toolbox.client.run(operation, DEFAULT_LIMIT, work).await
    }
}

fn check(server: &LspServerInfo) -> Result<()> {
    if language(server)?.is_empty() {
        return Err(Error::invalid_argument("The language is empty: `python`, `typescript` or `javascript`."));
    }
    if server.path_to_project.is_empty() {
        return Err(Error::invalid_argument("The path to the project is empty."));
    }
    Ok(())
}

/// The language by its name on the wire.
fn language(server: &LspServerInfo) -> Result<String> {
    let value = serde_json::to_value(&server.language_id);
    Ok(value
        .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

/// The document's name on the wire: `file://` and the path as it is. Servers of the contract read it that way, so nothing is
/// percent-encoded.
fn uri(server: &LspServerInfo, path: &str) -> String {
    match path {
        path if path.starts_with("file://") => path.to_owned(),
        path if path.starts_with('/') => format!("file://{path}"),
        path => format!("file://{}/{path}", server.path_to_project.trim_end_matches('/')),
    }
}

fn context(options: &CompletionsOptions) -> Option<Json> {
    let character = options.trigger_character.as_deref();
    let kind = options.trigger_kind.or_else(|| character.map(|_| 2))?;
    Some(match character {
        Some(character) => json!({ "triggerKind": kind, "triggerCharacter": character }),
        None => json!({ "triggerKind": kind }),
    })
}

/// A server that does not know the route says so in words of its router.
fn not_offered(error: Error) -> Error {
    let is_unknown = error.status() == Some(404) && error.info().message.contains("page not found");
    match is_unknown {
        true => error.with_kind(ErrorKind::NotImplemented).saying(
            "This server offers language servers only for completions and symbols; the local engine offers more.",
        ),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_named_as_the_contract_says() {
        let server = LspServerInfo { path_to_project: "/p/".to_owned(), ..LspServerInfo::default() };
        for (path, expected) in [
            ("/home/a b/ü.py", "file:///home/a b/ü.py"),
            ("src/a.py", "file:///p/src/a.py"),
            ("file:///x%20y.py", "file:///x%20y.py"),
        ] {
            assert_eq!(uri(&server, path), expected);
        }
    }

    #[test]
    fn a_typed_character_is_the_reason_of_a_completion() {
        let options = CompletionsOptions { trigger_character: Some(".".to_owned()), trigger_kind: None };
        assert_eq!(context(&options), Some(json!({ "triggerKind": 2, "triggerCharacter": "." })));
        assert_eq!(context(&CompletionsOptions::default()), None);
    }
}
