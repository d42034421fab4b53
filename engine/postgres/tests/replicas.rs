//! What an engine stores, on a real server: the contract of all stores, and several replicas at once.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use daytona_postgres::{Content, Database, Error, Event, Events, Key, PostgresStore};
use daytona_store::{Store, StoreError, Table, contract};
use harness::{LIMIT, Server};

/// The test that, started again by another one as a process of its own, is a replica to be killed.
const REPLICA: &str = "DAYTONA_TEST_REPLICA";

async fn connect(server: &Server, replica: &str) -> Database {
    Database::connect(&server.address(), replica).await.expect("the server answers")
}

fn record(id: &str, state: &str) -> Content {
    Content::Is(contract::sandbox(id, id, state))
}

/// The next event.
async fn next(events: &mut Events) -> Event {
    tokio::time::timeout(LIMIT, events.next()).await.expect("an event").expect("a reader")
}

async fn next_change(events: &mut Events) -> (String, Option<i64>) {
    match next(events).await {
        Event::Changed { id, generation, .. } => (id, generation),
        Event::Missed => panic!("nothing was removed"),
    }
}

#[test]
fn the_contract_of_stores_is_kept() {
    let server = Server::start();
    let open = || PostgresStore::open(&server.address(), "one").expect("the server answers");
    contract::of_a_store(&|| Arc::new(open()));
    contract::of_documents(&|| Arc::new(open()));
}

#[tokio::test]
async fn of_two_changes_at_once_one_takes_effect() {
    let server = Server::start();
    let replicas = [connect(&server, "one").await, connect(&server, "two").await];
    let key = Key::sandbox("a");
    let first = replicas[0].change(&key, None, record("a", "creating")).await.unwrap().expect("a generation");
    let again = replicas[1].change(&key, None, record("a", "creating")).await.unwrap_err();
    assert_eq!(again, Error::Conflict { subject: "sandbox a".to_owned(), current: Some(first) });
    // Each of them counts on what it has read, many times.
    let count = |database: Database| async move {
        let (mut made, mut conflicts) = (0, 0);
        while made < 25 {
            let now = database.record(&Key::sandbox("a")).await.unwrap().expect("it is there");
            let number: u32 = serde_json::from_str::<serde_json::Value>(&now.record).unwrap()["state"]
                .as_str()
                .and_then(|state| state.parse().ok())
                .unwrap_or(0);
            let wanted = record("a", &(number + 1).to_string());
            match database.change(&Key::sandbox("a"), Some(now.generation), wanted).await {
                Ok(_) => made += 1,
                Err(Error::Conflict { .. }) => conflicts += 1,
                Err(error) => panic!("{error}"),
            }
        }
        conflicts
    };
    let [one, two] = replicas.clone().map(|database| tokio::spawn(count(database)));
    let _conflicts: u32 = one.await.unwrap() + two.await.unwrap();
    let last = replicas[0].record(&key).await.unwrap().expect("it is there");
    assert!(last.record.contains("\"50\""), "none of 50 was lost: {}", last.record);
    assert!(last.generation > first);

    // A name belongs to one sandbox of an organization, whoever makes it.
    let taken = Content::Is(contract::sandbox("b", "a", "creating"));
    assert_eq!(replicas[1].change(&Key::sandbox("b"), None, taken).await, Err(Error::NameTaken("a".to_owned())));
    assert_eq!(replicas[1].change(&key, Some(last.generation), Content::Gone).await, Ok(None));
    // One that was made anew is not the former one.
    replicas[1].change(&key, None, record("a", "creating")).await.unwrap();
    let late = replicas[0].change(&key, Some(last.generation), record("a", "stopped")).await;
    assert!(matches!(late, Err(Error::Conflict { .. })), "{late:?}");
}

#[test]
fn a_store_learns_that_another_replica_was_faster() {
    let server = Server::start();
    let [one, two] =
        ["one", "two"].map(|name| PostgresStore::open(&server.address(), name).expect("the server answers"));
    let (one, two): (&dyn Store, &dyn Store) = (&one, &two);
    let sandbox = |state| contract::sandbox("a", "a", state);
    one.save(Table::Sandboxes, "a", sandbox("started")).wait_here().unwrap();
    two.rows(Table::Sandboxes).unwrap();
    two.save(Table::Sandboxes, "a", sandbox("stopping")).wait_here().unwrap();
    // With others in one transaction, which are stored nonetheless.
    let mut writes = vec![one.save(Table::Sandboxes, "a", sandbox("archiving"))];
    writes.push(one.save(Table::Volumes, "v", "{}".to_owned()));
    let results: Vec<_> = writes.into_iter().map(daytona_store::Stored::wait_here).collect();
    assert_eq!(results, [Err(StoreError::Conflict("sandbox a".to_owned())), Ok(())]);
    assert_eq!(one.rows(Table::Sandboxes).unwrap(), [("a".to_owned(), sandbox("stopping"))]);
    // Now that it has been read again, it may be changed.
    one.save(Table::Sandboxes, "a", sandbox("archiving")).wait_here().unwrap();
}

#[test]
fn a_conflict_is_told_once_and_to_all_who_could_not_know() {
    let server = Server::start();
    let [one, two] =
        ["one", "two"].map(|name| PostgresStore::open_within(&server.address(), name, LIMIT).expect("it answers"));
    let (one, two): (&dyn Store, &dyn Store) = (&one, &two);
    let sandbox = |state| contract::sandbox("a", "a", state);
    let conflict = Err(StoreError::Conflict("sandbox a".to_owned()));
    one.save(Table::Sandboxes, "a", sandbox("started")).wait_here().unwrap();
    two.rows(Table::Sandboxes).unwrap();
    two.save(Table::Sandboxes, "a", sandbox("stopping")).wait_here().unwrap();
    // All of them are asked for while the store waits for the first one's lock, so none knows of the change.
    let holding = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let holder = holding.block_on(async {
        let holder = connect_plainly(&server).await;
        holder.batch_execute("BEGIN; LOCK TABLE daytona.sandboxes IN EXCLUSIVE MODE").await.unwrap();
        holder
    });
    let writes: Vec<_> =
        ["archiving", "archived", "error"].map(|state| one.save(Table::Sandboxes, "a", sandbox(state))).into();
    drop((holder, holding));
    for write in writes {
        assert_eq!(write.wait_here(), conflict);
    }
    assert_eq!(two.rows(Table::Sandboxes).unwrap(), [("a".to_owned(), sandbox("stopping"))]);
    // Whoever has been told may change it.
    one.save(Table::Sandboxes, "a", sandbox("stopped")).wait_here().unwrap();
    assert_eq!(two.rows(Table::Sandboxes).unwrap(), [("a".to_owned(), sandbox("stopped"))]);

    // One that is gone is not made again by mistake.
    two.remove(Table::Sandboxes, "a").wait_here().unwrap();
    for _ in 0..2 {
        assert_eq!(one.save(Table::Sandboxes, "a", sandbox("started")).wait_here(), conflict);
    }
    assert_eq!(two.rows(Table::Sandboxes).unwrap(), []);
    one.remove(Table::Sandboxes, "a").wait_here().unwrap();
    one.save(Table::Sandboxes, "a", sandbox("creating")).wait_here().unwrap();
}

#[tokio::test]
async fn a_lease_has_one_holder_and_is_taken_over_when_it_expires() {
    let server = Server::start();
    let [one, two] = [connect(&server, "one").await, connect(&server, "two").await];
    let long = Duration::from_secs(3600);
    let held = one.lease(1, long).await.unwrap().expect("nobody had it");
    assert_eq!(two.lease(1, long).await, Ok(None));
    assert!(two.lease(2, long).await.unwrap().is_some(), "another shard");
    assert_eq!(one.lease(1, long).await, Ok(Some(held.clone())), "renewed");
    // Its holder says nothing any more.
    server.sql("UPDATE daytona.leases SET expires_at = now() - interval '1 second' WHERE shard = 1");
    let taken = two.lease(1, long).await.unwrap().expect("it has expired");
    assert!(taken.epoch > held.epoch);
    assert_eq!(one.lease(1, long).await, Ok(None));
    one.release(&held).await.unwrap();
    assert_eq!(one.lease(1, long).await, Ok(None), "a former holder gives nothing back");
    two.release(&taken).await.unwrap();
    assert!(one.lease(1, long).await.unwrap().is_some_and(|lease| lease.epoch > taken.epoch));
}

#[tokio::test]
async fn what_is_due_is_taken_once_and_again_if_its_taker_dies() {
    let server = Server::start();
    let replicas = [connect(&server, "one").await, connect(&server, "two").await];
    for number in 0..40 {
        replicas[0].set_timer(&format!("sandbox-{number}"), "stop", Duration::ZERO).await.unwrap();
    }
    replicas[0].set_timer("sandbox-0", "delete", Duration::from_secs(3600)).await.unwrap();
    let long = Duration::from_secs(3600);
    let take = |database: Database| async move {
        let mut taken = Vec::new();
        loop {
            let part = database.take_due(3, long).await.unwrap();
            if part.is_empty() {
                return taken;
            }
            taken.extend(part);
        }
    };
    let [one, two] = replicas.clone().map(|database| tokio::spawn(take(database)));
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    let subjects: BTreeSet<_> = one.iter().chain(&two).map(|due| due.subject.clone()).collect();
    assert_eq!((one.len() + two.len(), subjects.len()), (40, 40), "each once");
    for due in &one {
        assert_eq!(replicas[0].done(due).await, Ok(true));
    }
    // The other dies before it is done with any.
    server.sql("UPDATE daytona.timers SET claimed_until = now() - interval '1 second' WHERE claim IS NOT NULL");
    let again = take(replicas[0].clone()).await;
    assert_eq!(again.len(), two.len());
    for due in &two {
        assert_eq!(replicas[1].done(due).await, Ok(false), "it is another's now");
    }
}

#[tokio::test]
async fn no_event_is_missed_when_the_listener_is_killed() {
    let server = Server::start();
    let [writer, reader] = [connect(&server, "writer").await, connect(&server, "reader").await];
    let mut events = reader.events(reader.position().await.unwrap());
    let mut written = Vec::new();
    for number in 0..60 {
        let id = format!("sandbox-{number}");
        let generation = writer.change(&Key::sandbox(&id), None, record(&id, "started")).await.unwrap();
        written.push((id, generation));
        if number % 20 == 10 {
            server.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'daytona reader'",
            );
        }
    }
    let mut seen = Vec::new();
    for _ in 0..written.len() {
        seen.push(next_change(&mut events).await);
    }
    assert_eq!(seen, written, "each once, in order");

    let key = Key::sandbox("sandbox-0");
    writer.change(&key, written[0].1, Content::Gone).await.unwrap();
    assert_eq!(next_change(&mut events).await, ("sandbox-0".to_owned(), None));
}

#[tokio::test]
async fn events_of_slow_transactions_are_not_overtaken() {
    let server = Server::start();
    let database = connect(&server, "one").await;
    let since = database.position().await.unwrap();
    let mut events = database.events(since);
    // A transaction of another program, which has written and is not complete.
    let held = connect_plainly(&server).await;
    held.batch_execute(
        "BEGIN; INSERT INTO daytona.outbox (origin, kind, subject) VALUES ('other', 'sandboxes', 'early')",
    )
    .await
    .unwrap();
    database.change(&Key::sandbox("late"), None, record("late", "started")).await.unwrap();
    held.batch_execute("COMMIT").await.unwrap();
    assert_eq!(next_change(&mut events).await.0, "early");
    assert_eq!(next_change(&mut events).await.0, "late");
    drop(events);

    // Whoever is behind what was removed is told so.
    server.sql("UPDATE daytona.outbox SET written_at = now() - interval '1 hour'");
    assert_eq!(database.forget_events(Duration::from_secs(60)).await, Ok(2));
    let mut events = database.events(since);
    assert_eq!(next(&mut events).await, Event::Missed);
    database.change(&Key::sandbox("after"), None, record("after", "started")).await.unwrap();
    assert_eq!(next_change(&mut events).await.0, "after");
}

/// A connection that is none of the crate's.
async fn connect_plainly(server: &Server) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&server.address(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[test]
fn a_lost_database_is_said_and_nothing_is_claimed() {
    let mut server = Server::start();
    let store = PostgresStore::open_within(&server.address(), "one", Duration::from_millis(300)).unwrap();
    let store: &dyn Store = &store;
    let sandbox = |state| contract::sandbox("a", "a", state);
    store.save(Table::Sandboxes, "a", sandbox("started")).wait_here().unwrap();
    server.crash();
    let lost = store.save(Table::Sandboxes, "a", sandbox("stopping")).wait_here();
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    assert!(store.rows(Table::Sandboxes).is_err());
    server.resume();
    // Whether or not the failed change took effect, the next one is made.
    let mut stored = store.save(Table::Sandboxes, "a", sandbox("stopped")).wait_here();
    let deadline = std::time::Instant::now() + LIMIT;
    while matches!(stored, Err(StoreError::Unavailable(_))) && std::time::Instant::now() < deadline {
        stored = store.save(Table::Sandboxes, "a", sandbox("stopped")).wait_here();
    }
    stored.unwrap();
    assert_eq!(store.rows(Table::Sandboxes).unwrap(), [("a".to_owned(), sandbox("stopped"))]);
}

#[test]
fn a_server_that_restarts_in_the_middle_loses_nothing_that_was_acknowledged() {
    let mut server = Server::start();
    let store = Arc::new(PostgresStore::open_within(&server.address(), "one", LIMIT).unwrap());
    let (begun, seen) = std::sync::mpsc::channel();
    let writing = std::thread::spawn({
        let store: Arc<dyn Store> = store.clone();
        move || {
            for number in 0..300 {
                let id = format!("sandbox-{}", number % 10);
                store
                    .save(Table::Sandboxes, &id, contract::sandbox(&id, &id, &number.to_string()))
                    .wait_here()
                    .unwrap();
                let _ = begun.send(number);
            }
        }
    });
    for restart_at in [40, 120] {
        while seen.recv_timeout(LIMIT).expect("it goes on") < restart_at {}
        server.crash();
        server.resume();
    }
    writing.join().expect("each change was stored in the end");
    let rows: BTreeMap<_, _> = store.rows(Table::Sandboxes).unwrap().into_iter().collect();
    for last in 290..300 {
        let id = format!("sandbox-{}", last % 10);
        assert_eq!(rows[&id], contract::sandbox(&id, &id, &last.to_string()));
    }
}

/// Not a test by itself: the process that [`what_a_killed_replica_acknowledged_is_there`] kills.
#[test]
fn replica() {
    let Ok(address) = std::env::var(REPLICA) else { return };
    let store = PostgresStore::open(&address, "doomed").unwrap();
    let store: &dyn Store = &store;
    for number in 0.. {
        let id = format!("sandbox-{number}");
        store.save(Table::Sandboxes, &id, contract::sandbox(&id, &id, "started")).wait_here().unwrap();
        eprintln!("stored {id}");
    }
}

#[tokio::test]
async fn what_a_killed_replica_acknowledged_is_there() {
    let server = Server::start();
    let survivor = connect(&server, "survivor").await;
    let mut events = survivor.events(survivor.position().await.unwrap());
    for round in 0..3 {
        let mut replica = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "replica", "--nocapture"])
            .env(REPLICA, server.address())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(replica.stderr.take().unwrap()).lines();
        let stored = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("stored ").map(str::to_owned));
        let mut acknowledged: Vec<_> = Vec::new();
        for id in stored {
            acknowledged.push(id);
            if acknowledged.len() == 20 + round {
                replica.kill().unwrap();
            }
        }
        replica.wait().unwrap();
        let known: BTreeMap<_, _> =
            survivor.records("sandboxes").await.unwrap().into_iter().map(|found| (found.id.clone(), found)).collect();
        for id in &acknowledged {
            assert!(known.contains_key(id), "{id} of {} was acknowledged", acknowledged.len());
        }
        // Its events are there as well, and go on being read.
        let mut told = BTreeSet::new();
        while told.len() < known.len() {
            told.insert(next_change(&mut events).await.0);
        }
        assert!(acknowledged.iter().all(|id| told.contains(id)));
        for (id, found) in known {
            survivor.change(&Key::sandbox(&id), Some(found.generation), Content::Gone).await.unwrap();
            assert_eq!(next_change(&mut events).await, (id, None));
        }
    }
}

#[tokio::test]
async fn replicas_may_start_at_once_and_programs_that_are_too_old_are_refused() {
    let server = Server::start();
    let starting: Vec<_> = (0..4)
        .map(|number| {
            let address = server.address();
            tokio::spawn(async move { Database::connect(&address, &format!("replica-{number}")).await.map(drop) })
        })
        .collect();
    for started in starting {
        started.await.unwrap().unwrap();
    }
    server.sql("INSERT INTO daytona.migrations (version, oldest) VALUES (99, 1)");
    connect(&server, "older").await;
    server.sql("UPDATE daytona.migrations SET oldest = 99 WHERE version = 99");
    let refused = Database::connect(&server.address(), "too old").await.unwrap_err();
    assert!(format!("{refused:#}").contains("version 99"), "{refused:#}");
    // Without telling the password.
    let nowhere = "postgres://user:hunter2@127.0.0.1:1/x?sslmode=disable";
    let refused = Database::connect_within(nowhere, "one", Duration::from_millis(50)).await.unwrap_err();
    assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
    let malformed = Database::connect("postgres://user:hunter2@[", "one").await.unwrap_err();
    assert!(!format!("{malformed:?}").contains("hunter2"), "{malformed:?}");
}
