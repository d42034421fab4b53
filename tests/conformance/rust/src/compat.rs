//! Turns the cases into those for another server (../README.md, "Other servers").

use std::path::Path;

use serde_json::{Map, Value};

use crate::case;

/// Writes the cases for a server into a directory: those of the newest contract with what differs there, and its own.
pub fn write(server: &str, directory: &Path) -> Result<bool, String> {
    let source = case::source();
    let mut files = case::files(&source)?;
    let own = source.join(server);
    if own.is_dir() {
        files.extend(case::files(&own)?);
    }
    let failed = |path: &Path, e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let _ = std::fs::remove_dir_all(directory);
    std::fs::create_dir_all(directory).map_err(|e| failed(directory, &e))?;
    let (mut written, mut left_out) = (0, 0);
    for file in files {
        let text = std::fs::read(&file).map_err(|e| failed(&file, &e))?;
        let cases: Vec<Value> = serde_json::from_slice(&text).map_err(|e| failed(&file, &e))?;
        let count = cases.len();
        let cases: Vec<Value> = cases
            .into_iter()
            .filter_map(|case| resolved_case(case, server).transpose())
            .collect::<Result<_, _>>()
            .map_err(|e| failed(&file, &e))?;
        written += cases.len();
        left_out += count - cases.len();
        let target = directory.join(file.file_name().unwrap_or_default());
        if target.exists() {
            return Err(failed(&file, &"another file of this name has cases too"));
        }
        let text = serde_json::to_vec_pretty(&cases).map_err(|e| failed(&file, &e))?;
        std::fs::write(&target, text).map_err(|e| failed(&target, &e))?;
    }
    println!("{written} cases for {server}, {left_out} left out");
    Ok(true)
}

fn resolved_case(case: Value, server: &str) -> Result<Option<Value>, String> {
    let Some(mut case) = resolved(case, server)? else { return Ok(None) };
    let steps = case.get_mut("steps").and_then(Value::as_array_mut).ok_or("a case has no steps")?;
    let resolved = std::mem::take(steps).into_iter().filter_map(|step| resolved(step, server).transpose());
    *steps = resolved.collect::<Result<_, _>>()?;
    Ok((!steps.is_empty()).then_some(case))
}

/// A case or a step with what differs at the server; nothing when it is left out there.
fn resolved(value: Value, server: &str) -> Result<Option<Value>, String> {
    let Value::Object(mut object) = value else { return Err("a case or a step is not an object".to_owned()) };
    let compat = object.remove("compat");
    let Some(change) = compat.as_ref().and_then(|compat| compat.get(server)) else {
        return Ok(Some(object.into()));
    };
    match change {
        Value::String(_) => Ok(None),
        Value::Object(change) => {
            replace(&mut object, change);
            Ok(Some(object.into()))
        }
        _ => Err(format!("compat of {server} is neither the reason for leaving it out nor what differs")),
    }
}

/// What comes of a call is either a result or an error: naming one takes back the other.
fn replace(object: &mut Map<String, Value>, change: &Map<String, Value>) {
    for (name, other) in [("expect", "error"), ("error", "expect"), ("error", "save")] {
        if change.contains_key(name) {
            object.remove(other);
        }
    }
    for (name, value) in change {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn case(compat: Value) -> Value {
        json!({ "name": "a", "steps": [
            { "op": "one", "expect": 1, "save": { "x": "" }, "retryFor": 5, "compat": { "0.190": compat } },
            { "op": "two" },
        ] })
    }

    #[test]
    fn a_step_has_the_servers_own_outcome() {
        let error = json!({ "error": { "kind": "Unknown" }, "retryFor": null });
        let steps = json!([{ "op": "one", "error": { "kind": "Unknown" } }, { "op": "two" }]);
        assert_eq!(resolved_case(case(error.clone()), "0.190").unwrap().unwrap()["steps"], steps);
        let newest = resolved_case(case(error), "newest").unwrap().unwrap();
        assert_eq!(newest["steps"][0], json!({ "op": "one", "expect": 1, "save": { "x": "" }, "retryFor": 5 }));
    }

    #[test]
    fn steps_and_cases_are_left_out_for_a_reason() {
        let resolved = resolved_case(case(json!("it never answers")), "0.190").unwrap().unwrap();
        assert_eq!(resolved["steps"], json!([{ "op": "two" }]));
        let mut whole = case(json!({}));
        whole["compat"] = json!({ "0.190": "there is no such route" });
        assert_eq!(resolved_case(whole, "0.190").unwrap(), None);
        assert!(resolved_case(case(json!(true)), "0.190").is_err());
    }
}
