//! Times as arguments.

use std::time::Duration;

/// The longest that can be asked for: some thirty years.
const MOST: f64 = 1e9;

/// Reads a number of seconds, 0 or more.
///
/// # Errors
/// A sentence, for anything else.
pub fn read(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=MOST).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("it must be a number of seconds from 0 to {MOST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_are_times_are_taken() {
        assert_eq!(read("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["-1", "nan", "inf", "1e999", "", "1s"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
