//! Where the local engine keeps what survives it: SQLite databases in its state directory.
//!
//! | file | subject |
//! |---|---|
//! | `sqlite.rs` | records and settings in `state.db` |
//! | `documents.rs` | documents of accounts in `accounts.db` |

mod documents;
mod sqlite;

pub use daytona_store::{Change, Documents, Store, StoreError, Stored, Storing, Table};
pub use documents::SqliteDocuments;
pub use sqlite::SqliteStore;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::ApiError;
    use crate::secrets::record::Secret;
    use crate::secrets::table::Secrets;
    use daytona_store::contract;
    use daytona_store::faulty::Faulty;
    use http::StatusCode;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn sqlite_keeps_the_contract() {
        let directory = tempfile::tempdir().unwrap();
        contract::of_a_store(&|| Arc::new(SqliteStore::open(directory.path()).unwrap()));
        contract::of_documents(&|| Arc::new(SqliteDocuments::open(directory.path()).unwrap()));
    }

    #[test]
    fn a_faulty_store_without_a_fault_keeps_it_too() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Arc::new(SqliteStore::open(directory.path()).unwrap());
        contract::of_a_store(&|| Arc::new(Faulty::new(open())));
    }

    fn secret(name: &str) -> Secret {
        Secret::new("organization".to_owned(), name.to_owned(), "value".to_owned(), None, Vec::new())
    }

    fn faulty(directory: &std::path::Path) -> Arc<Faulty<SqliteStore>> {
        Arc::new(Faulty::new(Arc::new(SqliteStore::open(directory).unwrap())))
    }

    #[tokio::test]
    async fn what_cannot_be_stored_is_not_there_and_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let store = faulty(directory.path());
        let (secrets, _) = Secrets::load(store.clone()).unwrap();
        let faults = [
            (StoreError::Full(directory.path().to_owned()), StatusCode::INSUFFICIENT_STORAGE, "Free some space"),
            (StoreError::Other("a fault".to_owned()), StatusCode::INSUFFICIENT_STORAGE, "a fault"),
            (StoreError::Conflict("secret x".to_owned()), StatusCode::CONFLICT, "secret x was changed"),
            (StoreError::Unavailable("closed".to_owned()), StatusCode::SERVICE_UNAVAILABLE, "Try again in a moment"),
        ];
        for (fault, status, words) in faults {
            store.fail(fault);
            let refused = secrets.insert(secret("one")).await.unwrap_err();
            assert_eq!(refused.status, status, "{refused}");
            assert!(refused.message.starts_with("Not stored: ") && refused.message.contains(words), "{refused}");
            assert_eq!(secrets.ids_of("organization"), Vec::<String>::new());
        }
        store.mend();
        secrets.insert(secret("one")).await.unwrap();
        assert_eq!(secrets.ids_of("organization").len(), 1);
        assert_eq!(store.rows(Table::Secrets).unwrap().len(), 1);
    }

    #[tokio::test]
    async fn nobody_is_told_that_something_is_stored_before_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let store = faulty(directory.path());
        let (secrets, _) = Secrets::load(store.clone()).unwrap();
        let secrets = Arc::new(secrets);
        store.hold();
        let inserting = tokio::spawn({
            let secrets = Arc::clone(&secrets);
            async move { secrets.insert(secret("slow")).await }
        });
        while store.held() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!inserting.is_finished());
        assert_eq!(store.rows(Table::Secrets).unwrap().len(), 0);
        store.release();
        inserting.await.unwrap().unwrap();
        assert_eq!(store.rows(Table::Secrets).unwrap().len(), 1);
    }

    #[tokio::test]
    async fn clients_are_told_when_to_try_again() {
        let refuse = || async { Err::<(), _>(ApiError::not_stored(&StoreError::Unavailable("closed".to_owned()))) };
        let router = axum::Router::new().fallback(refuse).layer(axum::middleware::from_fn(crate::errors::render));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection.write_all(b"GET /api/sandbox HTTP/1.0\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        let answer = answer.to_ascii_lowercase();
        assert!(answer.starts_with("http/1.0 503") && answer.contains("\nretry-after: 1\r"), "{answer}");
        serving.abort();
    }
}
