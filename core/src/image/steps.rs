//! The steps of an image by name, for the languages.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Image;
use crate::error::{Error, Result, wording};
use crate::model::{DockerfileOptions, PipInstallOptions, PyprojectOptions};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    image: Image,
    step: String,
    args: serde_json::Value,
}

/// Arguments are in the order of the functions of [`Image`]; those at the end may be missing or null.
fn arguments<A: DeserializeOwned>(step: &str, mut args: serde_json::Value, count: usize) -> Result<A> {
    if let Some(list) = args.as_array_mut()
        && list.len() < count
    {
        list.resize(count, serde_json::Value::Null);
    }
    serde_json::from_value(args)
        .map_err(|e| Error::invalid_argument(format!("The arguments of {step} are not usable: {}.", wording::json(&e))))
}

/// Takes one step: `{"image"?: {"dockerfile", "contexts"}, "step": name, "args": […]}` gives the image with the step.
///
/// # Errors
/// Those of the step; `InvalidArgument` for arguments of the wrong type.
pub fn step(request: &[u8]) -> Result<Image> {
    let Request { image, step, args } = serde_json::from_slice(request)
        .map_err(|e| Error::invalid_argument(format!("The step is not usable: {}.", wording::json(&e))))?;
    let name = step.as_str();
    match name {
        "base" => Image::base(&arguments::<(String,)>(name, args, 1)?.0),
        "debian_slim" => {
            let (version, own) = arguments::<(Option<String>, Option<String>)>(name, args, 2)?;
            // The version of the caller's own Python is a wish.
            let own = own.filter(|own| super::PYTHON.iter().any(|(series, _)| series == own));
            Image::debian_slim(version.or(own).as_deref())
        }
        "from_dockerfile" => {
            let (path, options) = arguments::<(String, Option<DockerfileOptions>)>(name, args, 2)?;
            Image::from_dockerfile(&path, options.unwrap_or_default())
        }
        "from_dockerfile_text" => Ok(Image::from_dockerfile_text(&arguments::<(String,)>(name, args, 1)?.0)),
        "pip_install" => {
            let (packages, options) = arguments::<(Vec<String>, Option<PipInstallOptions>)>(name, args, 2)?;
            image.pip_install(packages, options.unwrap_or_default())
        }
        "pip_install_from_requirements" => {
            let (file, options) = arguments::<(String, Option<PipInstallOptions>)>(name, args, 2)?;
            image.pip_install_from_requirements(&file, options.unwrap_or_default())
        }
        "pip_install_from_pyproject" => {
            let (file, options) = arguments::<(String, Option<PyprojectOptions>)>(name, args, 2)?;
            image.pip_install_from_pyproject(&file, options.unwrap_or_default())
        }
        "apt_get" => image.apt_get(arguments::<(Vec<String>,)>(name, args, 1)?.0),
        "add_local_file" => {
            let (local, remote) = arguments::<(String, String)>(name, args, 2)?;
            image.add_local_file(&local, &remote)
        }
        "add_local_dir" => {
            let (local, remote) = arguments::<(String, String)>(name, args, 2)?;
            image.add_local_dir(&local, &remote)
        }
        "run_commands" => {
            arguments::<(Vec<Command>,)>(name, args, 1)?.0.into_iter().try_fold(image, |image, command| match command {
                Command::Shell(command) => image.run(&command),
                Command::Program(arguments) => image.run_program(arguments),
            })
        }
        "env" => image.env(arguments::<(Variables,)>(name, args, 1)?.0.0),
        "workdir" => image.workdir(&arguments::<(String,)>(name, args, 1)?.0),
        "entrypoint" => Ok(image.entrypoint(&arguments::<(Vec<String>,)>(name, args, 1)?.0)),
        "cmd" => Ok(image.cmd(&arguments::<(Vec<String>,)>(name, args, 1)?.0)),
        "dockerfile_commands" => {
            let (commands, directory, options) =
                arguments::<(Vec<String>, Option<String>, Option<DockerfileOptions>)>(name, args, 3)?;
            image.dockerfile_commands(&commands, directory.as_deref(), options.unwrap_or_default())
        }
        "user" => image.user(&arguments::<(String,)>(name, args, 1)?.0),
        "copy" => {
            let (source, destination) = arguments::<(String, String)>(name, args, 2)?;
            image.copy(&source, &destination)
        }
        "add" => {
            let (source, destination) = arguments::<(String, String)>(name, args, 2)?;
            image.add(&source, &destination)
        }
        "expose" => image.expose(&arguments::<(Vec<i64>,)>(name, args, 1)?.0),
        "label" => {
            let (key, value) = arguments::<(String, String)>(name, args, 2)?;
            image.label(&key, &value)
        }
        "volume" => Ok(image.volume(&arguments::<(Vec<String>,)>(name, args, 1)?.0)),
        _ => Err(Error::invalid_argument(format!("There is no step {name:?} of an image."))),
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a string, or a list of strings")]
enum Command {
    Shell(String),
    Program(Vec<String>),
}

/// Names and values in the order they were given.
struct Variables(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Vec::<(String, String)>::deserialize(deserializer).map(Self)
    }
}
