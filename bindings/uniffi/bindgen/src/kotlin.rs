//! Exceptions as a hierarchy: uniffi writes one class for each kind of error, all of them siblings. Here each becomes a subclass
//! of the more general kind that the schema names, and the message of the base class becomes that of the error.

use serde::Deserialize;

const SCHEMA: &str = include_str!("../../../../schema/daytona.json");

#[derive(Deserialize)]
struct Schema {
    errors: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    name: String,
    parent: Option<String>,
}

/// The generated source with the hierarchy in it; an error when it does not look as expected.
pub fn with_hierarchy(source: &str) -> Result<String, String> {
    let schema: Schema = serde_json::from_str(SCHEMA).map_err(|e| e.to_string())?;
    let base = "sealed class DaytonaException: kotlin.Exception() {";
    let mut completed = replaced(
        source,
        base,
        base.len(),
        "sealed class DaytonaException(\n    /**\n     * What is known.\n     */\n    val `details`: ErrorDetails\n) : \
         kotlin.Exception(`details`.message) {",
    )?;
    for Kind { name, parent } in &schema.errors {
        let begin = format!("    class {name}(\n");
        let at = completed.find(&begin).ok_or_else(|| format!("there is no class {name}"))?;
        let end = "\n    }\n";
        let length = completed[at..].find(end).ok_or_else(|| format!("the class {name} has no end"))? + end.len();
        if !completed[at..at + length].contains(") : DaytonaException() {") {
            return Err(format!("the class {name} is not one of DaytonaException alone"));
        }
        let parent = parent.as_deref().unwrap_or("DaytonaException");
        let class = format!("    open class {name}(`details`: ErrorDetails) : {parent}(`details`)\n");
        completed = replaced(&completed, &begin, length, &class)?;
    }
    Ok(completed)
}

/// Replaces `length` bytes from where `begin` stands, which is once.
fn replaced(source: &str, begin: &str, length: usize, with: &str) -> Result<String, String> {
    let mut places = source.match_indices(begin);
    match (places.next(), places.next()) {
        (Some((at, _)), None) => Ok(format!("{}{with}{}", &source[..at], &source[at + length..])),
        _ => Err(format!("{begin:?} is not there exactly once")),
    }
}
