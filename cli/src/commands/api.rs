//! `daytona api`.

use std::io::IsTerminal as _;

use clap::Args;
use daytona::model::Json;
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::output::{Format, printable};
use crate::remote::{Context, Remote};
use crate::stdin;

/// Send a request to any endpoint, with the credentials at hand, and print the response
#[derive(Debug, Args)]
pub struct Api {
    /// Path of the endpoint, such as /sandbox?limit=1
    path: String,
    /// Method [default: GET, or POST with a body]
    #[arg(short = 'X', long)]
    method: Option<String>,
    /// Text in the body; may be given several times
    #[arg(short, long, value_name = "KEY=TEXT")]
    field: Vec<String>,
    /// Value in the body as JSON; may be given several times
    #[arg(short = 'F', long, value_name = "KEY=JSON")]
    json_field: Vec<String>,
    /// File with the whole body as JSON, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["field", "json_field"])]
    input: Option<String>,
    /// Send it to the toolbox of this sandbox instead of the API
    #[arg(long, value_name = "SANDBOX")]
    sandbox: Option<String>,
}

impl Remote for Api {
    /// Responses are data, and so are errors.
    fn format(&self) -> Format {
        Format::Json
    }

    async fn run(self, context: &mut Context) -> Done {
        let body = self.body().await?;
        let method = self.method.as_deref().unwrap_or(if body.is_some() { "POST" } else { "GET" });
        let response = match &self.sandbox {
            None => context.client.send(method, &self.path, body.as_ref()).await?,
            Some(sandbox) => {
                let info = context.client.sandboxes().get(sandbox).await?;
                context.client.toolbox(&info)?.send(method, &self.path, body.as_ref()).await?
            }
        };
        if std::io::stdout().is_terminal() {
            context.output.bytes(printable(&String::from_utf8_lossy(&response)).as_bytes())?;
        } else {
            context.output.bytes(&response)?;
        }
        if response.is_empty() || response.ends_with(b"\n") { Ok(()) } else { context.output.bytes(b"\n") }
    }
}

impl Api {
    async fn body(&self) -> Done<Option<Json>> {
        let not_json = |what: &str| Failure::usage(format!("{what} is not JSON."));
        if let Some(file) = &self.input {
            let text = match file.as_str() {
                "-" => stdin::all().await?,
                path => {
                    std::fs::read(path).map_err(|error| Failure::usage(format!("{path} cannot be read: {error}")))?
                }
            };
            return serde_json::from_slice(&text).map(Some).map_err(|_| not_json("--input"));
        }
        let split = |flag: &str, pair: &str| match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(Failure::usage(format!("{flag} needs KEY=VALUE."))),
        };
        let mut body = json!({});
        for pair in &self.field {
            let (key, value) = split("--field", pair)?;
            body[key] = value.into();
        }
        for pair in &self.json_field {
            let (key, value) = split("--json-field", pair)?;
            body[&key] = serde_json::from_str(&value).map_err(|_| not_json(&format!("The value of {key}")))?;
        }
        Ok(Some(body).filter(|body| body.as_object().is_some_and(|fields| !fields.is_empty())))
    }
}
