//! The steps of an image by name, for the languages.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Image, PYTHON, generated};
use crate::error::{Error, Result, wording};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    image: Image,
    step: String,
    args: Vec<Value>,
    /// Series of Python that `debian_slim` takes by default, if it has it.
    python: Option<String>,
}

/// The arguments of a step, in the order of its parameters. Those at the end may be missing or null.
pub(super) struct Arguments<'a> {
    step: &'a str,
    values: Vec<Value>,
}

impl Arguments<'_> {
    /// The argument at an index, which the step calls `name`.
    pub(super) fn at<A: DeserializeOwned>(&mut self, index: usize, name: &str) -> Result<A> {
        let value = self.values.get_mut(index).map(Value::take).unwrap_or_default();
        serde_json::from_value(value).map_err(|e| {
            let step = self.step;
            Error::invalid_argument(format!("The {name} of {step} is not usable: {}.", wording::json(&e)))
        })
    }
}

/// Takes one step: `{"image"?: {"dockerfile", "contexts"}, "step": name, "args": […], "python"?: series}` gives the image with
/// the step.
///
/// # Errors
/// Those of the step; `InvalidArgument` for arguments of the wrong type.
pub fn step(request: &[u8]) -> Result<Image> {
    let Request { image, step, mut args, python } = serde_json::from_slice(request)
        .map_err(|e| Error::invalid_argument(format!("The step is not usable: {}.", wording::json(&e))))?;
    let known = python.filter(|own| PYTHON.iter().any(|(series, _)| series == own));
    if let Some(python) = known.filter(|_| step == "debian_slim" && args.first().is_none_or(Value::is_null)) {
        args = vec![python.into()];
    }
    generated::take(image, &step, Arguments { step: &step, values: args })
}
