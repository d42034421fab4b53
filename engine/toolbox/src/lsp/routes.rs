//! REST: start and stop, documents, and requests about them.

use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::program::Language;
use super::server::{self, Feature, Server};
use super::{Key, MAX_SERVERS, answers, documents};
use crate::errors::ApiError;
use crate::extract::{self, Query};
use crate::{State, Toolbox};

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/lsp/start", post(start))
        .route("/lsp/stop", post(stop))
        .route("/lsp/did-open", post(did_open))
        .route("/lsp/did-close", post(did_close))
        .route("/lsp/completions", post(completions))
        .route("/lsp/document-symbols", get(document_symbols))
        .route("/lsp/workspacesymbols", get(workspace_symbols))
        .route("/lsp/hover", post(hover))
        .route("/lsp/definition", post(definition))
        .route("/lsp/references", post(references))
        .route("/lsp/diagnostics", post(diagnostics))
        .route("/lsp/rename", post(rename))
        .route("/lsp/formatting", post(formatting))
}

/// Wire name `LspServerRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerRequest {
    language_id: String,
    path_to_project: String,
}

/// Wire name `LspDocumentRequest`, and what requests about a document have besides.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentRequest {
    #[serde(flatten)]
    server: ServerRequest,
    uri: String,
    position: Option<Position>,
    context: Option<Value>,
    new_name: Option<String>,
    options: Option<Value>,
}

/// Wire name `LspPosition`. Both may be 0.
#[derive(Clone, Copy, Deserialize)]
struct Position {
    line: u32,
    character: u32,
}

impl ServerRequest {
    fn key(&self, toolbox: &Toolbox) -> Result<Key, ApiError> {
        let language = Language::named(&self.language_id)?;
        if self.path_to_project.is_empty() {
            return Err(ApiError::bad_request("pathToProject is required"));
        }
        let project = self.path_to_project.strip_prefix("file://").unwrap_or(&self.path_to_project);
        // Without a slash at its end, which is part of no name.
        Ok((language, toolbox.resolve(project).components().collect()))
    }

    fn server(&self, toolbox: &Toolbox) -> Result<Arc<Server>, ApiError> {
        let key = self.key(toolbox)?;
        let server = toolbox.language_servers.table().get(&key).cloned();
        server.ok_or_else(|| server::not_started(key.0, &key.1))
    }
}

impl DocumentRequest {
    fn path(&self, toolbox: &Toolbox) -> Result<PathBuf, ApiError> {
        if self.uri.is_empty() {
            return Err(ApiError::bad_request("uri is required"));
        }
        if self.uri.contains('\0') {
            return Err(ApiError::bad_request("uri holds a NUL"));
        }
        let path = documents::path(&self.uri, |path| toolbox.resolve(path).exists());
        Ok(toolbox.resolve(path))
    }

    fn position(&self) -> Result<Value, ApiError> {
        let Position { line, character } =
            self.position.ok_or_else(|| ApiError::invalid_body("position is required"))?;
        Ok(json!({"line": line, "character": character}))
    }

    /// Asks about the document.
    async fn ask(&self, toolbox: &Arc<Toolbox>, feature: Feature, parameters: Value) -> Result<Value, ApiError> {
        self.server.server(toolbox)?.ask(toolbox, feature, &self.path(toolbox)?, parameters).await
    }

    /// Asks about a place in it.
    async fn ask_there(&self, toolbox: &Arc<Toolbox>, feature: Feature) -> Result<Value, ApiError> {
        self.ask(toolbox, feature, json!({"position": self.position()?})).await
    }
}

type Request = extract::Json<DocumentRequest>;
type Answer = Result<Json<Value>, ApiError>;

async fn start(toolbox: State, extract::Json(request): extract::Json<ServerRequest>) -> Result<(), ApiError> {
    let key = request.key(&toolbox)?;
    let metadata = std::fs::metadata(&key.1).map_err(|error| ApiError::file(&error, &key.1))?;
    if !metadata.is_dir() {
        return Err(ApiError::bad_request(format!("{} is not a directory", key.1.display())));
    }
    let (server, new) = {
        let mut table = toolbox.language_servers.table();
        let full = table.len() >= MAX_SERVERS;
        match table.entry(key.clone()) {
            Entry::Occupied(known) => (Arc::clone(known.get()), false),
            Entry::Vacant(_) if full => {
                return Err(ApiError::too_many(MAX_SERVERS, "language servers", "stop those that are done"));
            }
            Entry::Vacant(place) => {
                let server = Arc::new(Server::new(key.0, key.1.clone()));
                (Arc::clone(place.insert(server)), true)
            }
        }
    };
    // A server that did not start is none; nor is one that nobody waits for any more.
    let forget = new.then(|| Forget { toolbox: &toolbox, key: &key });
    server.start(&toolbox).await?;
    std::mem::forget(forget);
    Ok(())
}

/// Forgets a server unless it has been started.
struct Forget<'a> {
    toolbox: &'a Toolbox,
    key: &'a Key,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.toolbox.language_servers.table().remove(self.key);
    }
}

async fn stop(toolbox: State, extract::Json(request): extract::Json<ServerRequest>) -> Result<(), ApiError> {
    let key = request.key(&toolbox)?;
    let server = toolbox.language_servers.table().remove(&key);
    server.ok_or_else(|| server::not_started(key.0, &key.1))?.stop().await;
    Ok(())
}

async fn did_open(toolbox: State, extract::Json(request): Request) -> Result<(), ApiError> {
    request.server.server(&toolbox)?.open(&toolbox, &request.path(&toolbox)?).await
}

async fn did_close(toolbox: State, extract::Json(request): Request) -> Result<(), ApiError> {
    request.server.server(&toolbox)?.close(&toolbox, &request.path(&toolbox)?).await
}

async fn completions(toolbox: State, extract::Json(request): Request) -> Answer {
    let mut parameters = json!({"position": request.position()?});
    let at_zero = request.position.is_some_and(|position| position.line == 0 || position.character == 0);
    if at_zero && toolbox.config.compat.refuses_positions_of_zero() {
        return Err(ApiError::invalid_body("position is required"));
    }
    if let Some(context) = &request.context {
        parameters["context"] = context.clone();
    }
    let answer = request.ask(&toolbox, server::COMPLETION, parameters).await?;
    Ok(Json(answers::completions(answer)))
}

async fn document_symbols(toolbox: State, query: Query) -> Answer {
    let request = DocumentRequest {
        server: asked(&query)?,
        uri: query.required("uri")?,
        position: None,
        context: None,
        new_name: None,
        options: None,
    };
    let answer = request.ask(&toolbox, server::DOCUMENT_SYMBOLS, json!({})).await?;
    Ok(Json(answers::symbols(answer, &documents::uri(&request.path(&toolbox)?))))
}

async fn workspace_symbols(toolbox: State, query: Query) -> Answer {
    let text = query.text("query").unwrap_or_default();
    let answer = asked(&query)?.server(&toolbox)?.search(&toolbox, &text).await?;
    Ok(Json(answers::symbols(answer, "")))
}

fn asked(query: &Query) -> Result<ServerRequest, ApiError> {
    Ok(ServerRequest { language_id: query.required("languageId")?, path_to_project: query.required("pathToProject")? })
}

async fn hover(toolbox: State, extract::Json(request): Request) -> Answer {
    Ok(Json(answers::hover(request.ask_there(&toolbox, server::HOVER).await?)))
}

async fn definition(toolbox: State, extract::Json(request): Request) -> Answer {
    Ok(Json(answers::locations(request.ask_there(&toolbox, server::DEFINITION).await?)))
}

async fn references(toolbox: State, extract::Json(request): Request) -> Answer {
    let context = request.context.clone().unwrap_or_else(|| json!({"includeDeclaration": true}));
    let parameters = json!({"position": request.position()?, "context": context});
    Ok(Json(answers::locations(request.ask(&toolbox, server::REFERENCES, parameters).await?)))
}

async fn diagnostics(toolbox: State, extract::Json(request): Request) -> Answer {
    let server = request.server.server(&toolbox)?;
    Ok(Json(answers::diagnostics(server.diagnose(&toolbox, &request.path(&toolbox)?).await?)))
}

async fn rename(toolbox: State, extract::Json(request): Request) -> Answer {
    let name = request.new_name.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| ApiError::invalid_body("newName is required"))?;
    let parameters = json!({"position": request.position()?, "newName": name});
    Ok(Json(answers::file_edits(request.ask(&toolbox, server::RENAME, parameters).await?)))
}

async fn formatting(toolbox: State, extract::Json(request): Request) -> Answer {
    let wanted = request.options.as_ref();
    let tab_size = wanted.and_then(|options| options["tabSize"].as_u64()).unwrap_or(4);
    let spaces = wanted.and_then(|options| options["insertSpaces"].as_bool()).unwrap_or(true);
    let parameters = json!({"options": {"tabSize": tab_size, "insertSpaces": spaces}});
    let server = request.server.server(&toolbox)?;
    Ok(Json(answers::edits(server.format(&toolbox, &request.path(&toolbox)?, parameters).await?)))
}
