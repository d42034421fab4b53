//! Secrets of builds: `--secret id=NAME,src=FILE` or `--secret id=NAME,env=VARIABLE`.

use std::collections::BTreeMap;
use std::fs;

use crate::failure::{Done, Failure};

/// The secrets by their ids, or `None` without any.
///
/// # Errors
/// For another form, a file that cannot be read, and a variable that is not set. None repeats a secret.
pub fn read(given: &[String]) -> Done<Option<BTreeMap<String, String>>> {
    if given.is_empty() {
        return Ok(None);
    }
    given.iter().map(|text| one(text)).collect::<Done<_>>().map(Some)
}

fn one(text: &str) -> Done<(String, String)> {
    let (mut id, mut file, mut variable) = (None, None, None);
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("id", value)) => id = Some(value),
            Some(("src" | "source", value)) => file = Some(value),
            Some(("env", value)) => variable = Some(value),
            Some(("type", "file" | "env")) => {}
            _ => {
                return Err(Failure::usage(
                    "--secret: it must be id=NAME,src=FILE or id=NAME,env=VARIABLE; there is something else in it.",
                ));
            }
        }
    }
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| Failure::usage("--secret: id=NAME is missing."))?;
    let secret = match (file, variable) {
        (Some(file), None) => fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("--secret id={id}: {file} cannot be read as text: {error}.")))?,
        (None, variable) => {
            let name = variable.unwrap_or(id);
            std::env::var(name).map_err(|_| {
                Failure::usage(format!("--secret id={id}: there is no variable {name}; set it, or give src=FILE."))
            })?
        }
        (Some(_), Some(_)) => return Err(Failure::usage(format!("--secret id={id}: give src or env, not both."))),
    };
    Ok((id.to_owned(), secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_files_and_variables() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, "sesame\n").unwrap();
        let path = file.path().display();
        let given = [format!("id=a,src={path}"), format!("type=file,id=b,source={path}"), "id=c,env=PATH".to_owned()];
        let secrets = read(&given).unwrap().unwrap();
        assert_eq!((secrets["a"].as_str(), secrets["b"].as_str()), ("sesame\n", "sesame\n"));
        assert_eq!(secrets["c"], std::env::var("PATH").unwrap());
        assert!(read(&["id=PATH".to_owned()]).unwrap().unwrap().contains_key("PATH"));
        assert_eq!(read(&[]).unwrap(), None);
        for wrong in
            ["sesame", "src=/etc/passwd", "id=", "id=a,src=/none", "id=a,env=NO_SUCH_VARIABLE", "id=a,src=b,env=c"]
        {
            assert!(read(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
