//! Hides secrets that are spread over several messages of a connection, as somebody types them, or a terminal shows them.

use std::collections::BTreeMap;
use std::ops::Range;

use memchr::memmem;
use serde_json::Value;

use super::hiding::HIDDEN;
use super::messages::{self, KIND};

/// The lines of a recording without the texts in what each side of a connection said, taken together. What stands for one is in its
/// first message.
pub fn hide(mut lines: Vec<String>, written: &[String]) -> Vec<String> {
    let mut sides: BTreeMap<(u64, String), Vec<(usize, Value)>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let Ok(entry) = serde_json::from_str::<Value>(line) else { continue };
        if entry["kind"] == KIND
            && let (Some(connection), Some(from)) = (entry["connection"].as_u64(), entry["from"].as_str())
        {
            sides.entry((connection, from.to_owned())).or_default().push((index, entry));
        }
    }
    for said in sides.into_values() {
        for (index, entry) in hide_in(said, written) {
            lines[index] = entry.to_string();
        }
    }
    lines
}

/// The messages of one side that change.
fn hide_in(said: Vec<(usize, Value)>, written: &[String]) -> Vec<(usize, Value)> {
    let parts: Vec<Vec<u8>> = said.iter().map(|(_, entry)| messages::bytes_of(entry)).collect();
    let whole = parts.concat();
    let places = places(&whole, written);
    if places.is_empty() {
        return Vec::new();
    }
    let mut changed = Vec::new();
    let mut from = 0;
    for ((index, mut entry), part) in said.into_iter().zip(parts) {
        let to = from + part.len();
        let mut shown = Vec::new();
        let mut at = from;
        for place in places.iter().filter(|place| place.start < to && place.end > from) {
            shown.extend_from_slice(whole.get(at..place.start).unwrap_or_default());
            if place.start >= from {
                shown.extend_from_slice(HIDDEN.as_bytes());
            }
            at = place.end.min(to);
        }
        shown.extend_from_slice(&whole[at..to]);
        if shown != part {
            messages::set_bytes(&mut entry, &shown);
            changed.push((index, entry));
        }
        from = to;
    }
    changed
}

/// Where the texts are, in order and apart from each other.
fn places(whole: &[u8], written: &[String]) -> Vec<Range<usize>> {
    let found = written
        .iter()
        .flat_map(|text| memmem::find_iter(whole, text.as_bytes()).map(|start| start..start + text.len()));
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|place| place.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for place in found {
        match apart.last_mut().filter(|last| place.start < last.end) {
            Some(last) => last.end = last.end.max(place.end),
            None => apart.push(place),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(connection: u64, from: &str, text: &str) -> String {
        json!({"kind": KIND, "connection": connection, "from": from, "type": "binary", "text": text}).to_string()
    }

    #[test]
    fn what_is_typed_letter_by_letter_is_hidden() {
        let mut lines = vec![said(1, "client", "x")];
        for letter in "sesame".chars() {
            lines.push(said(1, "client", &letter.to_string()));
            // Another connection, and the other side, come in between.
            lines.push(said(2, "client", &letter.to_uppercase().to_string()));
            lines.push(said(1, "server", &letter.to_string()));
        }
        lines.extend([said(1, "client", "\r"), said(1, "server", " and sesame\nSESA")]);
        let shown = hide(lines, &["sesame".to_owned()]);
        let text = |connection: u64, from: &str| {
            let entries = shown.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let own = entries.filter(|entry| entry["connection"] == connection && entry["from"] == from);
            own.map(|entry| entry["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(text(1, "client"), ["x", HIDDEN, "", "", "", "", "", "\r"]);
        assert_eq!(text(1, "server").concat(), format!("{HIDDEN} and {HIDDEN}\nSESA"));
        assert_eq!(text(2, "client").concat(), "SESAME");
    }

    #[test]
    fn bytes_around_a_secret_stay_as_they_are() {
        let mut first: Value = serde_json::from_str(&said(1, "server", "")).unwrap();
        let mut second = first.clone();
        messages::set_bytes(&mut first, b"\xff before ses");
        messages::set_bytes(&mut second, b"amesesame\xff");
        let shown = hide(vec![first.to_string(), second.to_string()], &["sesame".to_owned()]);
        let bytes: Vec<_> = shown.iter().map(|line| messages::bytes_of(&serde_json::from_str(line).unwrap())).collect();
        assert_eq!(bytes, [b"\xff before [hidden]".to_vec(), b"[hidden]\xff".to_vec()]);
    }
}
