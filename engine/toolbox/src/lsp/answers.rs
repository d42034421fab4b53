//! What programs answer, in the wire's form. Programs choose between several forms; clients see one.

use serde_json::{Map, Value, json};

/// The most items of a list.
const MAX_ITEMS: usize = 10_000;

/// Wire name `CompletionList`.
pub(super) fn completions(mut answer: Value) -> Value {
    let incomplete = answer["isIncomplete"].as_bool().unwrap_or_default();
    let items = if answer.is_array() { answer } else { taken(&mut answer, "items") };
    let kept = ["label", "kind", "detail", "documentation", "sortText", "filterText", "insertText"];
    let items = list(items).filter(|item| item["label"].is_string()).map(|item| only(item, &kept));
    json!({"isIncomplete": incomplete, "items": items.collect::<Value>()})
}

/// A list of the wire's `LspSymbol`: with its children where the program tells a tree of a document.
pub(super) fn symbols(answer: Value, uri: &str) -> Value {
    list(answer).filter(|symbol| symbol["name"].is_string()).map(|symbol| self::symbol(symbol, uri)).collect()
}

fn symbol(mut symbol: Value, uri: &str) -> Value {
    let nothing = json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}});
    let range = symbol["range"].take();
    let location = match symbol["location"].take() {
        // Of a tree, or of a program that tells the place only when asked again.
        Value::Null => json!({"range": if range.is_null() { nothing } else { range }, "uri": uri}),
        mut location => {
            let (range, uri) = (taken(&mut location, "range"), taken(&mut location, "uri"));
            json!({"range": if range.is_null() { nothing } else { range }, "uri": uri})
        }
    };
    let children = symbol["children"].take();
    let children = children.is_array().then(|| symbols(children, uri));
    let mut told = only(symbol, &["kind", "name", "detail", "containerName"]);
    told["location"] = location;
    if let Some(children) = children {
        told["children"] = children;
    }
    told
}

/// `{contents, range?}`: the texts, with code as Markdown.
pub(super) fn hover(mut answer: Value) -> Value {
    let texts: Vec<String> = match taken(&mut answer, "contents") {
        Value::Array(parts) => parts.iter().filter_map(text).collect(),
        part => text(&part).into_iter().collect(),
    };
    let mut told = json!({"contents": texts.join("\n\n")});
    let range = taken(&mut answer, "range");
    if range.is_object() {
        told["range"] = range;
    }
    told
}

fn text(part: &Value) -> Option<String> {
    match part {
        Value::String(text) => Some(text.clone()),
        part => {
            let value = part["value"].as_str()?;
            Some(match part["language"].as_str() {
                Some(language) => format!("```{language}\n{value}\n```"),
                None => value.to_owned(),
            })
        }
    }
}

/// A list of the wire's `LspLocation`.
pub(super) fn locations(answer: Value) -> Value {
    let answer = if answer.is_object() { Value::Array(vec![answer]) } else { answer };
    let locations = list(answer).filter_map(|mut place| {
        let link = place["targetUri"].is_string();
        let (uri, range) = if link { ("targetUri", "targetSelectionRange") } else { ("uri", "range") };
        let (uri, range) = (place[uri].take(), place[range].take());
        (uri.is_string() && range.is_object()).then(|| json!({"range": range, "uri": uri}))
    });
    locations.collect()
}

/// A list of `{range, severity?, code?, source?, message}`.
pub(super) fn diagnostics(answer: Value) -> Value {
    let problems = list(answer).filter(|problem| problem["range"].is_object()).map(|mut problem| {
        let code = match &problem["code"] {
            Value::Number(number) => Value::String(number.to_string()),
            Value::String(code) => Value::String(code.clone()),
            _ => Value::Null,
        };
        problem["code"] = code;
        only(problem, &["range", "severity", "code", "source", "message"])
    });
    problems.collect()
}

/// A list of `{range, newText}`.
pub(super) fn edits(answer: Value) -> Value {
    let edits = list(answer).filter(|edit| edit["range"].is_object() && edit["newText"].is_string());
    edits.map(|edit| only(edit, &["range", "newText"])).collect()
}

/// A list of `{uri, edits}`, sorted by URI.
pub(super) fn file_edits(mut answer: Value) -> Value {
    let mut files: Vec<(String, Value)> = Vec::new();
    if let Value::Object(changes) = taken(&mut answer, "changes") {
        files.extend(changes.into_iter().map(|(uri, changes)| (uri, edits(changes))));
    }
    for mut change in list(taken(&mut answer, "documentChanges")) {
        if let Some(uri) = change["textDocument"]["uri"].as_str().map(str::to_owned) {
            files.push((uri, edits(change["edits"].take())));
        }
    }
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files.into_iter().map(|(uri, edits)| json!({"uri": uri, "edits": edits})).collect()
}

/// A member of what may not be an object.
fn taken(answer: &mut Value, name: &str) -> Value {
    answer.get_mut(name).map(Value::take).unwrap_or_default()
}

fn list(answer: Value) -> impl Iterator<Item = Value> {
    let items = match answer {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    items.into_iter().filter(Value::is_object).take(MAX_ITEMS)
}

/// An object with these members alone, without those that are null.
fn only(mut object: Value, names: &[&str]) -> Value {
    let mut kept = Map::new();
    for name in names {
        match object[*name].take() {
            Value::Null => {}
            value => {
                kept.insert((*name).to_owned(), value);
            }
        }
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{completions, diagnostics, file_edits, hover, locations, symbols};

    #[test]
    fn every_form_of_an_answer_is_read() {
        let range = json!({"start": {"line": 1, "character": 2}, "end": {"line": 3, "character": 4}});
        let item = json!({"label": "a", "kind": 3, "data": {"secret": 1}, "documentation": {"kind": "markdown", "value": "x"}});
        let told = json!({"label": "a", "kind": 3, "documentation": {"kind": "markdown", "value": "x"}});
        assert_eq!(completions(json!([item])), json!({"isIncomplete": false, "items": [told]}));
        assert_eq!(
            completions(json!({"isIncomplete": true, "items": [item]})),
            json!({"isIncomplete": true, "items": [told]})
        );

        let tree = json!([{"name": "A", "kind": 5, "range": range, "selectionRange": range,
            "children": [{"name": "f", "kind": 6, "range": range, "children": []}]}]);
        let place = json!({"range": range, "uri": "file:///a"});
        let child = json!({"name": "f", "kind": 6, "location": place, "children": []});
        let told = json!([{"name": "A", "kind": 5, "location": place, "children": [child]}]);
        assert_eq!(symbols(tree, "file:///a"), told);
        let flat = json!([{"name": "f", "kind": 6, "location": place, "containerName": "A"}]);
        assert_eq!(symbols(flat.clone(), ""), flat);

        assert_eq!(locations(place.clone()), json!([place]));
        let link = json!([{"targetUri": "file:///a", "targetRange": {}, "targetSelectionRange": range}]);
        assert_eq!(locations(link), json!([place]));

        let marked = json!({"contents": [{"language": "python", "value": "f()"}, "words"], "range": range});
        assert_eq!(hover(marked), json!({"contents": "```python\nf()\n```\n\nwords", "range": range}));

        let problems = json!([{"range": range, "code": 1003, "message": "m", "severity": 1, "tags": []}]);
        let told = json!([{"range": range, "code": "1003", "message": "m", "severity": 1}]);
        assert_eq!(diagnostics(problems), told);

        let edit = json!({"range": range, "newText": "b"});
        let told = json!([{"uri": "file:///a", "edits": [edit]}]);
        assert_eq!(file_edits(json!({"changes": {"file:///a": [edit]}})), told);
        let versioned =
            json!({"documentChanges": [{"textDocument": {"uri": "file:///a", "version": 1}, "edits": [edit]}]});
        assert_eq!(file_edits(versioned), told);
    }

    #[test]
    fn what_has_no_form_is_nothing() {
        for answer in [Value::Null, json!(7), json!("x"), json!([1, "x", null, []]), json!({"items": 3, "changes": 1})]
        {
            assert_eq!(completions(answer.clone())["items"], json!([]));
            assert_eq!(symbols(answer.clone(), ""), json!([]));
            assert_eq!(locations(answer.clone()), json!([]));
            assert_eq!(hover(answer.clone())["contents"], "");
            assert_eq!(diagnostics(answer.clone()), json!([]));
            assert_eq!(file_edits(answer), json!([]));
        }
    }
}
