//! Times as arguments.

/// The longest that can be asked for: some thirty years.
const MOST: f64 = 1e9;

/// A number of seconds, 0 or more.
///
/// # Errors
/// A sentence, for anything else.
pub fn read(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=MOST).contains(&seconds) => Ok(seconds),
        _ => Err(format!("it must be a number of seconds from 0 to {MOST}")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_numbers_that_are_times_are_taken() {
        assert_eq!(super::read("0.5"), Ok(0.5));
        for wrong in ["-1", "nan", "inf", "1e999", "", "1s"] {
            assert!(super::read(wrong).is_err(), "{wrong}");
        }
    }
}
