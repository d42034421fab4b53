//! Which server's answers the toolbox gives.
//!
//! The newest contract is the default. A program that must run against an older server can be tried against that server's
//! answers, quirks included. Every difference has its name here, so that the rest of the toolbox asks a question instead of
//! comparing versions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The server whose behaviour to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compat {
    /// The newest contract.
    #[default]
    #[serde(rename = "newest")]
    Newest,
    /// Release 0.190 of the server.
    #[serde(rename = "0.190")]
    V0_190,
}

impl Compat {
    /// Every server there is, the default first.
    pub const ALL: [Self; 2] = [Self::Newest, Self::V0_190];

    /// The name on the command line and in the environment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::V0_190 => "0.190",
        }
    }
}

impl fmt::Display for Compat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Compat {
    type Err = String;

    /// Reads a [`name`](Self::name).
    ///
    /// # Errors
    /// A sentence with the names there are.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|compat| compat.name() == text)
            .ok_or_else(|| format!("unknown compatibility '{text}': use newest or 0.190"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for compat in Compat::ALL {
            assert_eq!(compat.to_string().parse(), Ok(compat));
            assert_eq!(serde_json::to_value(compat).unwrap(), compat.name());
        }
        assert!("0.191".parse::<Compat>().unwrap_err().contains("0.190"));
    }
}
