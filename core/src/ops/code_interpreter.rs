//! The stateful code interpreter.

use http::Method;
use serde::Deserialize;

use super::CodeInterpreter;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{CreateContextOptions, InterpreterContext, RunCodeOptions};
use crate::protocols::interpreter::InterpreterStream;
use crate::travel::http::segment;

impl CodeInterpreter {
    /// Runs code and streams its output. Variables, imports and functions last until the context is deleted.
    ///
    /// # Parameters
    /// * `code`: Source code to run.
    ///
    /// # Errors
    /// `InvalidArgument` for empty code, `Timeout` after `timeout` seconds, `NotFound` for an unknown context,
    /// `Connection` when the stream breaks. An exception in the code is part of the result, not an error.
    ///
    /// # Examples
    /// `interpreter live`
    pub async fn run_code(&self, code: &str, options: RunCodeOptions) -> Result<InterpreterStream> {
        if code.is_empty() {
            return Err(Error::invalid_argument("The code is empty."));
        }
        self.toolbox
            .client
            .run("code_interpreter.run_code", DEFAULT_LIMIT, InterpreterStream::open(&self.toolbox, code, options))
            .await
    }

    /// Creates a context, whose variables are separate from those of other contexts.
    ///
    /// # Returns
    /// The new context.
    ///
    /// # Errors
    /// `Validation` for a language the server does not know.
    ///
    /// # Examples
    /// `interpreter contexts`
    pub async fn create_context(&self, options: CreateContextOptions) -> Result<InterpreterContext> {
        self.toolbox
            .client
            .run("code_interpreter.create_context", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::POST, "/process/interpreter/context").await?;
                request.json(&options).read().await
            })
            .await
    }

    /// Returns all contexts except the default one.
    ///
    /// # Returns
    /// The contexts.
    ///
    /// # Errors
    /// Only those of every request.
    pub async fn list_contexts(&self) -> Result<Vec<InterpreterContext>> {
        #[derive(Deserialize)]
        struct List {
            contexts: Option<Vec<InterpreterContext>>,
        }
        self.toolbox
            .client
            .run("code_interpreter.list_contexts", DEFAULT_LIMIT, async {
                let list: List =
                    self.toolbox.request(Method::GET, "/process/interpreter/context").await?.read().await?;
                Ok(list.contexts.unwrap_or_default())
            })
            .await
    }

    /// Deletes a context and ends its process.
    ///
    /// # Parameters
    /// * `context_id`: Id of the context.
    ///
    /// # Errors
    /// `NotFound` when there is no such context, `Validation` for the default context.
    ///
    /// # Examples
    /// `interpreter contexts`
    pub async fn delete_context(&self, context_id: &str) -> Result<()> {
        if context_id.is_empty() {
            return Err(Error::invalid_argument("The context id is empty."));
        }
        let path = format!("/process/interpreter/context/{}", segment(context_id));
        self.toolbox
            .client
            .run("code_interpreter.delete_context", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::DELETE, path).await?.done().await
            })
            .await
    }
}
