//! The Model Context Protocol: revision 2026-07-28, which has no sessions, and those before it. `rmcp` changes often, so this
//! file, `tasks` and `http` are all that touches it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, ContentBlock, CreateTaskResult,
    ErrorData, GetTaskParams, GetTaskResult, Implementation, ListResourceTemplatesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, ResourceContents, ResourceTemplate, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    UpdateTaskParams,
};
use rmcp::service::RequestContext;
use rmcp::task_manager::TaskExit;
use rmcp::{RoleServer, ServerHandler, ServiceExt as _};
use tokio::sync::mpsc;

use super::reply::{Refusal, Reply};
use super::server::Server;
use super::tasks::Tasks;
use super::tools::{self, Access};
use crate::failure::{Done, Failure};

/// Name of the server.
const NAME: &str = "daytona-mcp";
/// How files are named as resources.
const FILE_TEMPLATE: &str = "daytona://{sandbox}/{+path}";
/// How long a client that knows tasks waits for the result of a call before it is told to come back for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Reports that wait to be sent; more are left out.
const REPORTS: usize = 8;

/// A connection, or one request of it.
#[derive(Clone)]
pub struct Connection {
    server: Arc<Server>,
    /// Calls that took long, of all connections.
    tasks: Tasks,
}

impl Connection {
    /// A connection to a server.
    pub fn new(server: Arc<Server>) -> Self {
        Self { server, tasks: Tasks::default() }
    }
}

/// Serves on standard input and output until the input ends or `stop` does.
///
/// # Errors
/// When the client does not speak the protocol.
pub async fn serve_stdio(server: Arc<Server>, stop: impl Future<Output = u8>) -> Done {
    let connection = Connection::new(server);
    let tasks = connection.tasks.clone();
    let serving = async {
        let running = match connection.serve(rmcp::transport::stdio()).await {
            Ok(running) => running,
            // It went before it said anything.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(Failure::other(error)),
        };
        running.waiting().await.map(drop).map_err(Failure::other)
    };
    let done = tokio::select! {
        done = serving => done,
        // Being asked to end is how servers end.
        _ = stop => Ok(()),
    };
    // Nobody is left to ask how they ended.
    tasks.shutdown();
    done
}

/// A call on its way, which may go on as a task.
type Working = Pin<Box<dyn Future<Output = Result<CallToolResult, ErrorData>> + Send>>;

impl Connection {
    /// A call, and what it reports meanwhile.
    fn begin(&self, request: CallToolRequestParams) -> (Working, mpsc::Receiver<(f64, String)>) {
        let (reports, reported) = mpsc::channel(REPORTS);
        let report = move |progress: f64, message: String| {
            // A client that is slow to take reports misses some.
            let _ = reports.try_send((progress, message));
        };
        let server = self.server.clone();
        let working = async move {
            let arguments = request.arguments.unwrap_or_default();
            match tools::call(&server, &request.name, arguments, &report).await {
                Ok(reply) => Ok(result(reply)),
                Err(Refusal::UnknownTool(name)) => {
                    Err(ErrorData::invalid_params(format!("there is no tool {name:?}"), None))
                }
                Err(refusal) => Ok(result(refusal.into_reply())),
            }
        };
        (Box::pin(working), reported)
    }

    /// Lets a call go on by itself. Its client asks how far it has come.
    fn detach(&self, mut working: Working, mut reported: mpsc::Receiver<(f64, String)>) -> CallToolResponse {
        let task = self.tasks.spawn(|task| async move {
            loop {
                tokio::select! {
                    biased;
                    done = &mut working => return done.map_err(TaskExit::Error),
                    // Dropped, what runs is ended in the sandbox.
                    () = task.cancelled() => return Err(TaskExit::Cancelled),
                    Some((_, message)) = reported.recv() => {
                        if !message.is_empty() {
                            task.set_status_message(message);
                        }
                    }
                }
            }
        });
        CallToolResponse::Task(CreateTaskResult::new(task))
    }
}

impl ServerHandler for Connection {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().enable_tasks().build();
        let mut config = ServerConfig::new(capabilities);
        config.server_info = Implementation::new(NAME, env!("CARGO_PKG_VERSION")).with_title("Daytona");
        let options = &self.server.options;
        config.with_instructions(match (&options.sandbox, options.selection.is_read_only()) {
            (Some(_), true) => "Reads an isolated Linux sandbox, which calls need not name, and changes nothing.",
            (None, true) => "Reads isolated Linux sandboxes and changes nothing. list_sandboxes finds the id that calls name.",
            (Some(_), false) => "Isolated Linux sandboxes. Calls without id are about one that exists already.",
            (None, false) if options.is_conversation => {
                "Isolated Linux sandboxes. Calls without id share one sandbox, which is made for the first of them."
            }
            (None, false) => {
                "Isolated Linux sandboxes. Make one with create_sandbox, name it by its id in every call, and destroy it when done."
            }
        })
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.server.options.selection.tools().map(listed).collect()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.server.options.selection.tools().find(|tool| tool.name == name).map(listed)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let knows_tasks = context.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks());
        let (mut working, mut reported) = self.begin(request);
        let token = context.meta.get_progress_token();
        let peer = context.peer.clone();
        let patience = async {
            tokio::time::sleep(PATIENCE).await;
            // Where too many go on by themselves, this one is waited for.
            while !self.tasks.has_room() {
                tokio::time::sleep(PATIENCE).await;
            }
        };
        let telling = async {
            while let (Some((progress, message)), Some(token)) = (reported.recv().await, token.clone()) {
                let mut notification = ProgressNotificationParam::new(token, progress);
                notification.message = Some(message).filter(|message| !message.is_empty());
                if peer.notify_progress(notification).await.is_err() {
                    break;
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            biased;
            done = &mut working => return done.map(Into::into),
            // Dropped, what runs is ended in the sandbox.
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("the call was cancelled", None)),
            () = patience, if knows_tasks => {}
            never = telling => never,
        }
        Ok(self.detach(working, reported))
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.tasks.get(&request.task_id).map(GetTaskResult::new)
    }

    async fn update_task(&self, request: UpdateTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        // No task asks for anything.
        self.tasks.update(&request.task_id)
    }

    async fn cancel_task(&self, request: CancelTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.cancel(&request.task_id)
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = ResourceTemplate::new(FILE_TEMPLATE, "file").with_description("A file in a sandbox");
        Ok(ListResourceTemplatesResult::with_all_items(vec![template]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let Some((sandbox, path)) = named(&uri) else {
            return Err(ErrorData::invalid_params(format!("{uri:?} is not of the form {FILE_TEMPLATE}"), None));
        };
        let read = tokio::select! {
            read = tools::read(&self.server, &sandbox, &path) => read,
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("the request was cancelled", None)),
        };
        let contents = match read {
            Ok(tools::Content::Text(text)) => ResourceContents::text(text, uri),
            Ok(tools::Content::Base64(content)) => ResourceContents::blob(content, uri),
            Err(Refusal::Failed(error)) if error.is_not_found() => {
                return Err(ErrorData::resource_not_found(error.to_string(), None));
            }
            Err(refusal) => return Err(ErrorData::invalid_params(refusal.into_reply().text, None)),
        };
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

/// Sandbox and absolute path of a file's name as a resource.
fn named(uri: &str) -> Option<(String, String)> {
    let rest = uri.strip_prefix("daytona://")?;
    let slash = rest.find('/')?;
    let (sandbox, path) = rest.split_at(slash);
    // `daytona://box//tmp/x` is what the template makes of an absolute path.
    let path = if path.starts_with("//") { &path[1..] } else { path };
    // Spaces and what is not ASCII come escaped.
    let plain = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    let (sandbox, path) = (plain(sandbox)?, plain(path)?);
    (!sandbox.is_empty() && path.len() > 1).then_some((sandbox, path))
}

fn listed(tool: &'static tools::Tool) -> Tool {
    let annotations = ToolAnnotations::new()
        .read_only(tool.access == Access::Reads)
        .destructive(tool.access == Access::Destroys)
        .open_world(matches!(tool.name, "execute_command" | "run_code" | "git_clone" | "git_push" | "git_pull"));
    Tool::new(tool.name, tool.description, Arc::new(tool.schema())).with_title(tool.title).with_annotations(annotations)
}

fn result(reply: Reply) -> CallToolResult {
    let mut content = vec![ContentBlock::text(reply.text)];
    content.extend(reply.pictures.into_iter().map(|picture| ContentBlock::image(picture.base64, picture.media_type)));
    let mut result = if reply.is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
    result.structured_content = Some(reply.data).filter(|data| data.is_object());
    result
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn files_are_named_by_sandbox_and_path() {
        let names = |sandbox: &str, path: &str| Some((sandbox.to_owned(), path.to_owned()));
        assert_eq!(named("daytona://box/tmp/x"), names("box", "/tmp/x"));
        assert_eq!(named("daytona://box//tmp/x"), names("box", "/tmp/x"));
        assert_eq!(named("daytona://box/tmp/a%20b%C3%BC"), names("box", "/tmp/a bü"));
        for wrong in ["daytona://box/%ff", "daytona://box", "daytona://box/", "daytona:///x", "file:///x", ""] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }
}
