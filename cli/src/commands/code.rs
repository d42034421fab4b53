//! `daytona code`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use daytona::model::{Chart, CodeRunOptions, ExecuteResponse};

use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments};
use crate::remote::{Context, Remote, SandboxArgument};
use crate::{pairs, stdin};

/// Run a snippet of Python, TypeScript or JavaScript in a sandbox
#[derive(Debug, Args)]
pub struct Code {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// The code; without this and --file it is read from standard input
    #[arg(short = 'c', long, value_name = "CODE", conflicts_with = "file")]
    code: Option<String>,
    /// A local file with the code
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// python, typescript or javascript [default: the file's, else the sandbox's]
    #[arg(short = 'L', long)]
    language: Option<String>,
    /// Environment variable; may be given several times
    #[arg(short, long, value_name = "KEY=VALUE")]
    env: Vec<String>,
    /// Seconds after which the program is killed; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = crate::seconds::read)]
    timeout: Duration,
    /// Directory to write the pictures of charts to
    #[arg(long, value_name = "DIRECTORY")]
    charts: Option<PathBuf>,
    /// Arguments of the program
    #[arg(last = true)]
    arguments: Vec<String>,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Code {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    fn runs_program(&self) -> bool {
        true
    }

    async fn run(self, context: &mut Context) -> Done {
        let sandbox = self.sandbox.get(&context.client).await.map_err(Failure::not_run)?;
        let language = self.language.or_else(|| self.file.as_deref().and_then(language_of).map(str::to_owned));
        let code = match (self.code, &self.file) {
            (Some(code), _) => code,
            (None, Some(file)) => std::fs::read_to_string(file)
                .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))?,
            (None, None) => {
                String::from_utf8(stdin::all().await?).map_err(|_| Failure::usage("The code is not UTF-8."))?
            }
        };
        if code.trim().is_empty() {
            return Err(Failure::usage("There is no code: give it with --code, --file or on standard input."));
        }
        let options = CodeRunOptions {
            argv: Some(self.arguments),
            env: pairs::read("--env", &self.env)?,
            timeout: Some(self.timeout),
        };
        let run = match &language {
            Some(language) => sandbox.process().code_run(&code, language, options).await,
            None => sandbox.code_run(&code, options).await,
        };
        let response = run.map_err(|error| Failure::from(error).not_run())?;
        if let Some(directory) = &self.charts {
            write_charts(&response, directory, context)?;
        }
        context.output.result(&response, || response.result.clone())?;
        match response.exit_code as u8 {
            0 => Ok(()),
            code => Err(Failure::Program(code)),
        }
    }
}

fn language_of(file: &Path) -> Option<&'static str> {
    match file.extension()?.to_str()? {
        "py" => Some("python"),
        "ts" | "mts" | "cts" => Some("typescript"),
        "js" | "mjs" | "cjs" => Some("javascript"),
        _ => None,
    }
}

fn write_charts(response: &ExecuteResponse, directory: &Path, context: &Context) -> Done {
    let charts = response.artifacts.iter().flat_map(|artifacts| &artifacts.charts);
    for (number, picture) in charts.filter_map(picture).enumerate() {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(format!("chart-{}.png", number + 1));
        std::fs::write(&path, picture)
            .map_err(|error| Failure::other(format!("{} cannot be written: {error}", path.display())))?;
        context.output.note(path.display().to_string());
    }
    Ok(())
}

fn picture(chart: &Chart) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(chart.png.as_deref()?).ok()
}
