//! The documented payloads, made of the events that clients get.

use serde_json::{Map, Value, json};

use super::EVENTS;
use crate::accounts::now;

/// The organization an event is for and what it is told; `None` for events that are not told.
pub fn of_event(event: &str, payload: &Value) -> Option<(String, Value)> {
    if !EVENTS.contains(&event) {
        return None;
    }
    let kind = event.split('.').next()?;
    // Changes come with the document beside the states; what is new or gone is the document itself.
    let document = payload.get(kind).filter(|document| document.is_object()).unwrap_or(payload);
    let organization_id = document["organizationId"].as_str()?.to_owned();
    let mut told = Map::new();
    told.insert("event".to_owned(), json!(event));
    told.insert("timestamp".to_owned(), json!(now()));
    told.insert("id".to_owned(), document["id"].clone());
    if kind != "sandbox" {
        told.insert("name".to_owned(), document["name"].clone());
    }
    told.insert("organizationId".to_owned(), json!(organization_id));
    if event.ends_with(".created") {
        told.insert("state".to_owned(), document["state"].clone());
        if kind == "sandbox" {
            told.insert("class".to_owned(), document["sandboxClass"].clone());
        }
        told.insert("createdAt".to_owned(), document["createdAt"].clone());
    } else if event.ends_with(".updated") {
        told.insert("oldState".to_owned(), payload["oldState"].clone());
        told.insert("newState".to_owned(), payload["newState"].clone());
        told.insert("updatedAt".to_owned(), document["updatedAt"].clone());
    } else {
        told.insert("removedAt".to_owned(), json!(now()));
    }
    for name in ["cause", "actor"] {
        if let Some(value) = payload.get(name) {
            told.insert(name.to_owned(), value.clone());
        }
    }
    Some((organization_id, Value::Object(told)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_the_documented_fields() {
        let sandbox = json!({"id": "s", "organizationId": "o", "state": "started", "sandboxClass": "container", "createdAt": "c", "updatedAt": "u", "env": {"SECRET": "x"}});
        let (organization, told) = of_event("sandbox.created", &sandbox).unwrap();
        assert_eq!(
            (organization.as_str(), &told["class"], &told["createdAt"]),
            ("o", &json!("container"), &json!("c"))
        );
        assert_eq!(told.as_object().unwrap().len(), 7);
        let change = json!({"sandbox": sandbox, "oldState": "started", "newState": "stopped"});
        let (_, told) = of_event("sandbox.state.updated", &change).unwrap();
        assert_eq!(
            (&told["id"], &told["oldState"], &told["newState"]),
            (&json!("s"), &json!("started"), &json!("stopped"))
        );
        assert_eq!(told.as_object().unwrap().len(), 7);
        let caused = json!({"sandbox": sandbox, "oldState": "started", "newState": "error", "cause": "outOfMemory"});
        assert_eq!(of_event("sandbox.state.updated", &caused).unwrap().1["cause"], "outOfMemory");
        let removed = json!({"id": "x", "name": "n", "organizationId": "o"});
        assert_eq!(of_event("snapshot.removed", &removed).unwrap().1.as_object().unwrap().len(), 6);
        assert!(of_event("sandbox.desired-state.updated", &change).is_none());
    }
}
