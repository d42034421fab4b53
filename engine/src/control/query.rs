//! The parameters of lists.

use std::cmp::Ordering;

use crate::clock;
use crate::errors::{ApiError, ApiResult};

use super::sandboxes::read_boolean;

/// The query's parameters; arrays are repeated keys, with or without brackets.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query.
    pub fn read(query: Option<&str>) -> ApiResult<Self> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let read = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = crate::gateway::access::form_decode;
            let name = decode(name)?;
            let base = name.split('[').next().unwrap_or(&name).to_owned();
            Some((base, decode(value)?))
        });
        let read: Option<Vec<_>> = read.collect();
        read.map(Self).ok_or_else(|| ApiError::bad_request("The query is not valid UTF-8"))
    }

    /// A parameter's first value; an empty one counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str()).collect()
    }

    /// A whole number. An empty text counts as 0, and of what is no number everything is said, as validators do.
    pub fn number(&self, name: &str, minimum: u64, maximum: u64) -> ApiResult<Option<u64>> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.trim());
        let Some(text) = values.next() else { return Ok(None) };
        let number = match text {
            "" => Some(0),
            text if values.next().is_none() => text.parse::<i128>().ok(),
            _ => None,
        };
        let mut complaints = Vec::new();
        if maximum != u64::MAX && number.is_none_or(|number| number > i128::from(maximum)) {
            complaints.push(format!("{name} must not be greater than {maximum}"));
        }
        if number.is_none_or(|number| number < i128::from(minimum)) {
            complaints.push(format!("{name} must not be less than {minimum}"));
        }
        if number.is_none() {
            complaints.push(format!("{name} must be an integer number"));
        }
        if !complaints.is_empty() {
            return Err(ApiError::bad_request(complaints.join(", ")));
        }
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str) -> ApiResult<Option<bool>> {
        self.text(name).map(|text| read_boolean(name, text)).transpose()
    }

    /// A time, as milliseconds since 1970.
    pub fn time(&self, name: &str) -> ApiResult<Option<i64>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let time = clock::parse(text);
        time.map(clock::millis)
            .map(Some)
            .ok_or_else(|| ApiError::bad_request(format!("{name} must be a Date instance")))
    }
}

/// The direction of a list.
#[derive(Debug, Clone, Copy)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl Order {
    /// How two values of this ascending order are really ordered.
    pub fn apply(self, ascending: Ordering) -> Ordering {
        match self {
            Self::Ascending => ascending,
            Self::Descending => ascending.reverse(),
        }
    }
}

/// The field and the direction a list is sorted by.
pub fn read_sort<'a>(parameters: &'a Parameters, fields: &[&'a str], default: &'a str) -> ApiResult<(&'a str, Order)> {
    let field = parameters.text("sort").unwrap_or(default);
    if !fields.contains(&field) {
        return Err(ApiError::bad_request(format!("sort must be one of the following values: {}", fields.join(", "))));
    }
    match parameters.text("order") {
        None | Some("desc") => Ok((field, Order::Descending)),
        Some("asc") => Ok((field, Order::Ascending)),
        Some(_) => Err(ApiError::bad_request("order must be one of the following values: asc, desc")),
    }
}
