//! `daytona create`.

use std::time::Duration;

use clap::Args;
use daytona::Image;
use daytona::model::{
    Context as Files, CreateOptions, CreateSandboxParams, DockerfileOptions, Resources, SandboxInfo, VolumeMount,
};

use crate::build_secrets;
use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments, printable};
use crate::pairs;
use crate::remote::{Context, Remote};

/// Above this, `--memory` is a number of MB.
const MOST_GIB: i64 = 512;

/// In place of a value that is not shown.
const SECRET: &str = "[secret]";

/// The settings of a new sandbox.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// Snapshot to create it from [default: the server's]
    #[arg(long)]
    snapshot: Option<String>,
    /// Name, unique in the organization [default: its id]
    #[arg(long)]
    name: Option<String>,
    /// Operating system user that programs run as [default: daytona]
    #[arg(long)]
    user: Option<String>,
    /// Environment variable for all its processes; may be given several times
    #[arg(short, long, value_name = "KEY=VALUE")]
    env: Vec<String>,
    /// Label; may be given several times
    #[arg(short, long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Let anybody open previews of its ports
    #[arg(long)]
    public: bool,
    /// Region to create it in [default: the profile's]
    #[arg(long, value_name = "REGION")]
    target: Option<String>,
    /// Size of a sandbox made from a ready snapshot
    #[arg(long, value_parser = ["small", "medium", "large"], conflicts_with_all = ["snapshot", "dockerfile"])]
    class: Option<String>,
    /// CPU cores
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    cpu: i64,
    /// GPUs
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    gpu: i64,
    /// Memory in GiB; a number above 512 is in MB
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    memory: i64,
    /// Disk in GiB
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    disk: i64,
    /// Minutes without activity after which it stops; 0 = never
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    auto_stop: i64,
    /// Minutes after stopping until it is archived; 0 = the longest time the server allows
    #[arg(long, value_name = "MINUTES", default_value_t = 10080)]
    auto_archive: i64,
    /// Minutes after stopping until it is deleted; 0 = at once, negative = never
    #[arg(long, value_name = "MINUTES", default_value_t = -1, allow_negative_numbers = true)]
    auto_delete: i64,
    /// Volume to mount; may be given several times
    #[arg(short, long, value_name = "VOLUME:PATH")]
    volume: Vec<String>,
    /// Dockerfile to build its image from
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with = "snapshot")]
    dockerfile: Option<String>,
    /// File or directory that the Dockerfile copies; may be given several times [default: those it names]
    #[arg(short, long, value_name = "PATH", requires = "dockerfile")]
    context: Vec<String>,
    /// Secret that commands of the build may read with RUN --mount=type=secret,id=NAME: id=NAME,src=FILE or id=NAME,env=VARIABLE;
    /// may be given several times (local engine only)
    #[arg(long, value_name = "SECRET", requires = "dockerfile")]
    secret: Vec<String>,
    /// Block all of its network access
    #[arg(long)]
    network_block_all: bool,
    /// Networks it may reach, comma-separated, such as 10.0.0.0/8
    #[arg(long, value_name = "CIDRS")]
    network_allow_list: Option<String>,
    /// Language of `daytona code`: python, typescript or javascript
    #[arg(long)]
    language: Option<String>,
}

/// Create a sandbox and wait until it has started
#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    settings: Settings,
    /// Return at once instead of waiting until it has started
    #[arg(long)]
    no_wait: bool,
    /// Seconds to wait; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = crate::seconds::read)]
    timeout: Duration,
    /// Print what would be created, and create nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatArguments,
}

impl Settings {
    /// The settings as the client takes them.
    ///
    /// # Errors
    /// For pairs and volumes of another form, and a Dockerfile that cannot be read.
    pub fn parameters(self) -> Done<CreateSandboxParams> {
        let (dockerfile, contexts) = build(self.dockerfile.as_deref(), self.context)?;
        let some = |number: i64| Some(number).filter(|number| *number != 0);
        let resources = Resources {
            cpu: some(self.cpu),
            gpu: some(self.gpu),
            memory: some(in_gib(self.memory)),
            disk: some(self.disk),
        };
        Ok(CreateSandboxParams {
            name: self.name,
            language: self.language,
            user: self.user,
            env_vars: pairs::read("--env", &self.env)?,
            labels: pairs::read("--label", &self.label)?,
            public: self.public.then_some(true),
            auto_stop_interval: Some(self.auto_stop),
            auto_archive_interval: Some(self.auto_archive),
            auto_delete_interval: Some(self.auto_delete),
            volumes: volumes(&self.volume)?,
            network_block_all: self.network_block_all.then_some(true),
            network_allow_list: self.network_allow_list,
            target: self.target,
            snapshot: self.snapshot.or_else(|| self.class.map(|class| format!("daytona-{class}"))),
            dockerfile,
            contexts,
            build_secrets: build_secrets::read(&self.secret)?,
            resources: Some(resources).filter(|resources| *resources != Resources::default()),
            ..CreateSandboxParams::default()
        })
    }
}

impl Remote for Create {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let parameters = self.settings.parameters()?;
        if self.dry_run {
            let shown = serde_json::to_value(shown(parameters))?;
            return context.output.result(&shown, || format!("Would create a sandbox:\n{shown:#}\n"));
        }
        let options =
            CreateOptions { timeout: Some(self.timeout), wait_for_start: Some(!self.no_wait), ..Default::default() };
        let progress = context.output.progress("creating");
        let made = context.client.sandboxes().create(parameters, options).await?;
        drop(progress);
        context.output.result(&made, || told(&made))
    }
}

/// Parameters as they may be shown: the values of environment variables are secrets, as those of builds are.
fn shown(mut parameters: CreateSandboxParams) -> CreateSandboxParams {
    let secrets = [&mut parameters.env_vars, &mut parameters.build_secrets];
    for value in secrets.into_iter().flatten().flat_map(|secrets| secrets.values_mut()) {
        SECRET.clone_into(value);
    }
    parameters
}

/// A new sandbox, for people.
pub fn told(made: &SandboxInfo) -> String {
    let state = made.state.as_ref().map(crate::output::word).unwrap_or_default();
    if made.name.is_empty() || made.name == made.id {
        format!("{} {state}\n", printable(&made.id))
    } else {
        format!("{} {state} ({})\n", printable(&made.name), printable(&made.id))
    }
}

/// The content of a Dockerfile, and the files it copies: the given ones, else those that it names.
///
/// # Errors
/// When the Dockerfile or a file that it names cannot be read.
pub fn build(dockerfile: Option<&str>, given: Vec<String>) -> Done<(Option<String>, Option<Vec<Files>>)> {
    let Some(path) = dockerfile else { return Ok((None, None)) };
    let image = Image::from_dockerfile(path, DockerfileOptions::default())?;
    let given: Vec<_> = given.into_iter().map(|path| Files { source_path: path, ..Files::default() }).collect();
    let contexts = if given.is_empty() { image.contexts().to_vec() } else { given };
    Ok((Some(image.dockerfile().to_owned()), Some(contexts).filter(|contexts| !contexts.is_empty())))
}

/// Documents give it in MB, the API takes GiB.
pub fn in_gib(memory: i64) -> i64 {
    if memory > MOST_GIB { (memory + 1023) / 1024 } else { memory }
}

fn volumes(given: &[String]) -> Done<Option<Vec<VolumeMount>>> {
    if given.is_empty() {
        return Ok(None);
    }
    let read = given.iter().map(|text| match text.split_once(':') {
        Some((volume, path)) if !volume.is_empty() && path.starts_with('/') => {
            Ok(VolumeMount { volume_id: volume.to_owned(), mount_path: path.to_owned(), subpath: None })
        }
        _ => Err(Failure::usage(format!("--volume {text}: it must be VOLUME:PATH with an absolute path."))),
    });
    read.collect::<Done<_>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_in_gib_and_documented_megabytes_are_understood() {
        assert_eq!([0, 4, 512, 1024, 2048, 2000].map(in_gib), [0, 4, 512, 1, 2, 2]);
    }
}
