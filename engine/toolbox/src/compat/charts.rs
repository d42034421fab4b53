//! Charts as release 0.190 hands them on: it reads them into fixed types and drops what does not fit.

use serde_json::{Map, Value};

/// The keys that remain of a part of a composite chart.
const KEPT_OF_PARTS: [&str; 1] = ["type"];

/// The chart after reading and writing it there; `None` when it cannot be read.
pub(super) fn as_0_190_decodes(mut chart: Value) -> Option<Value> {
    let fields = chart.as_object_mut()?;
    let kind = fields.get("type")?.as_str()?.to_owned();
    match kind.as_str() {
        // A bar's value is a number, which is not the text expected there.
        "bar" if !elements(fields).is_empty() => return None,
        "box_and_whisker" => {
            fields.insert("type".to_owned(), "line".into());
        }
        "composite_chart" => {
            for part in elements(fields) {
                if let Some(part) = part.as_object_mut() {
                    part.retain(|name, _| KEPT_OF_PARTS.contains(&name.as_str()));
                }
            }
        }
        "pie" => {
            for slice in elements(fields) {
                if let Some(slice) = slice.as_object_mut() {
                    slice.remove("autopct");
                }
            }
        }
        _ => {}
    }
    Some(chart)
}

fn elements(fields: &mut Map<String, Value>) -> &mut [Value] {
    fields.get_mut("elements").and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::as_0_190_decodes;

    #[test]
    fn what_does_not_fit_is_lost() {
        assert_eq!(as_0_190_decodes(json!({"type": "bar", "elements": [{"label": "a", "value": "1"}]})), None);
        let line = json!({"type": "line", "title": "T", "elements": [{"label": "a", "points": [[1, 2]]}]});
        assert_eq!(as_0_190_decodes(line.clone()), Some(line));
        let boxes = as_0_190_decodes(json!({"type": "box_and_whisker", "elements": []}));
        assert_eq!(boxes, Some(json!({"type": "line", "elements": []})));
        let parts = as_0_190_decodes(json!({"type": "composite_chart", "elements": [{"type": "pie", "title": "P"}]}));
        assert_eq!(parts, Some(json!({"type": "composite_chart", "elements": [{"type": "pie"}]})));
    }
}
