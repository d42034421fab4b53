//! Why a change is not stored, or could not be read.

use daytona_store::StoreError;
use tokio_postgres::error::SqlState;

/// The result of an operation on the database.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure. None of them tells the address or the password of the database, or a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another replica has changed or removed it, so nothing was changed.
    #[error("{subject} was changed by another control plane")]
    Conflict {
        /// What it is, and its id.
        subject: String,
        /// Its generation now; `None` when it is gone.
        current: Option<i64>,
    },
    /// The organization has another sandbox of this name.
    #[error("Sandbox with name {0} already exists")]
    NameTaken(String),
    /// The server cannot be reached, is starting or ending, or did not answer in time. Try again.
    #[error("{0}")]
    Unavailable(String),
    /// The server's disk is full.
    #[error("the disk of the database is full")]
    Full,
    /// The server refused, for a reason that trying again does not change.
    #[error("the database refused: {0}")]
    Refused(String),
}

impl Error {
    /// Whether the same may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The same as engines know it.
    pub(crate) fn into_store_error(self) -> StoreError {
        match self {
            Self::Conflict { subject, .. } => StoreError::Conflict(subject),
            Self::NameTaken(_) | Self::Full | Self::Refused(_) => StoreError::Other(self.to_string()),
            Self::Unavailable(why) => StoreError::Unavailable(why),
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            // Without an answer of the server: the connection is broken, or was never there.
            return Self::Unavailable(error.to_string());
        };
        let code = said.code();
        // The text alone: details quote values.
        let text = format!("{} ({})", said.message(), code.code());
        let passing = [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::QUERY_CANCELED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            // A primary that has become a standby.
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ];
        match code {
            code if *code == SqlState::DISK_FULL => Self::Full,
            code if passing.contains(code) || code.code().starts_with("08") => Self::Unavailable(text),
            _ => Self::Refused(text),
        }
    }
}
