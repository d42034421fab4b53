//! What every store has to pass: tests call these with a way to open it, which they do several times over the same contents.
//!
//! They panic where a store does not keep the contract. The store has to be empty at first.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::{Documents, Store, Stored, Table};

/// A record of a sandbox as far as a store may look into it.
pub fn sandbox(id: &str, name: &str, state: &str) -> String {
    json!({"id": id, "name": name, "organization_id": null, "state": state, "desired_state": "started"}).to_string()
}

/// A record for any table.
fn record(table: Table, id: &str, value: &str) -> String {
    match table {
        Table::Sandboxes => sandbox(id, id, value),
        _ => json!({"id": id, "state": value}).to_string(),
    }
}

/// The states in the records of a table, by id.
fn states(store: &dyn Store, table: Table) -> BTreeMap<String, String> {
    let state = |record: &str| {
        let record: Value = serde_json::from_str(record).expect("what was stored is JSON");
        record["state"].as_str().expect("a state").to_owned()
    };
    store.rows(table).expect("the store is read").into_iter().map(|(id, record)| (id, state(&record))).collect()
}

fn all_stored(writes: Vec<Stored>) {
    writes.into_iter().for_each(|write| write.wait_here().expect("it is stored"));
}

/// Records and settings. Not within a runtime.
pub fn of_a_store(open: &dyn Fn() -> Arc<dyn Store>) {
    let store = open();
    for table in Table::ALL {
        assert_eq!(states(&*store, table), BTreeMap::new(), "empty at first");
        // An id is of one table only.
        all_stored(vec![store.save(table, "same", record(table, "same", table.name()))]);
    }
    // What takes effect is the last, in the order of the calls, whoever waits for what.
    let table = Table::Sandboxes;
    let mut writes = Vec::new();
    for turn in 0..300 {
        let id = format!("id-{}", turn % 7);
        writes.push(store.save(table, &id, record(table, &id, &format!("turn {turn}"))));
        if turn % 50 == 49 {
            writes.push(store.remove(table, "id-3"));
        }
    }
    writes.push(store.save(table, "brief", record(table, "brief", "there")));
    writes.push(store.remove(table, "brief"));
    writes.push(store.remove(table, "never there"));
    drop(store.save(table, "unwatched", record(table, "unwatched", "there")));
    store.flush().wait_here().expect("all of it is stored");
    assert!(states(&*store, table).contains_key("unwatched"), "a flush comes after what was written before");
    all_stored(writes);

    assert_eq!(store.setting("unknown").expect("it is read"), None);
    assert_eq!(store.setting_or("made", || "first".to_owned()).expect("it is stored"), "first");
    assert_eq!(store.setting_or("made", || "second".to_owned()).expect("it is read"), "first");
    store.set("made", "third").expect("it is stored");

    drop(store);
    let store = open();
    let found = states(&*store, table);
    let last = |id: usize| (0..300).rev().find(|turn| turn % 7 == id).map(|turn| format!("turn {turn}"));
    for id in [0, 1, 2, 4, 5, 6] {
        assert_eq!(found.get(&format!("id-{id}")).cloned(), last(id), "id-{id}");
    }
    assert_eq!(found.get("id-3"), None, "removed last");
    assert_eq!(found.get("brief"), None);
    for table in Table::ALL {
        assert_eq!(states(&*store, table).get("same").map(String::as_str), Some(table.name()));
    }
    // Whoever has only read it may change it.
    all_stored(vec![
        store.save(table, "id-1", record(table, "id-1", "again")),
        store.remove(table, "id-2"),
        store.save(table, "id-2", record(table, "id-2", "anew")),
    ]);
    assert_eq!(states(&*store, table)["id-1"], "again");
    assert_eq!(states(&*store, table)["id-2"], "anew");
    assert_eq!(store.setting("made").expect("it is read").as_deref(), Some("third"));
}

/// Documents. Not within a runtime.
pub fn of_documents(open: &dyn Fn() -> Arc<dyn Documents>) {
    let store = open();
    assert_eq!(store.documents("user").expect("it is read"), Vec::new(), "empty at first");
    store.put("user", "one", "1").expect("it is stored");
    store.put("user", "one", "2").expect("it is stored");
    store.put("user", "two", "3").expect("it is stored");
    store.put("key", "one", "4").expect("it is stored");
    store.remove("user", "two").expect("it is removed");
    store.remove("user", "never there").expect("it is not there");
    drop(store);
    let store = open();
    assert_eq!(store.documents("user").expect("it is read"), [("one".to_owned(), "2".to_owned())]);
    assert_eq!(store.documents("key").expect("it is read"), [("one".to_owned(), "4".to_owned())]);
    store.put("user", "one", "5").expect("it is stored");
    store.put("user", "two", "6").expect("it is stored");
    let mut found = store.documents("user").expect("it is read");
    found.sort();
    assert_eq!(found, [("one".to_owned(), "5".to_owned()), ("two".to_owned(), "6".to_owned())]);
}
