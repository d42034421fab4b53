//! What an object must be for a request to be carried out, as its conditional headers say.

use http::{HeaderMap, StatusCode, header};
use time::OffsetDateTime;

use super::failures::{Failure, Outcome};
use super::index::Object;

/// Conditions of a request that reads an object. One on its content overrules one on its time.
#[derive(Debug, Default)]
pub struct Conditions {
    matches: Option<String>,
    differs: Option<String>,
    newer: Option<OffsetDateTime>,
    older: Option<OffsetDateTime>,
}

/// What becomes of a request with conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is carried out.
    Hold,
    /// The client has the object already.
    NotModified,
    /// It is refused.
    Fail,
}

impl Conditions {
    /// Reads those whose names begin with a text, which may be empty. Dates that cannot be read are no conditions.
    pub fn read(headers: &HeaderMap, prefix: &str) -> Self {
        let value = |name: &str| headers.get(format!("{prefix}{name}"))?.to_str().ok().map(str::to_owned);
        let date = |name: &str| httpdate::parse_http_date(&value(name)?).ok().map(OffsetDateTime::from);
        Self {
            matches: value("if-match"),
            differs: value("if-none-match"),
            newer: date("if-modified-since"),
            older: date("if-unmodified-since"),
        }
    }

    /// What they say about an object.
    pub fn judge(&self, object: &Object) -> Verdict {
        let is_newer = |date: OffsetDateTime| object.modified.div_euclid(1000) > date.unix_timestamp();
        let is_meant = self.matches.as_ref().map(|list| names(list, &object.etag));
        if !is_meant.or_else(|| self.older.map(|date| !is_newer(date))).unwrap_or(true) {
            return Verdict::Fail;
        }
        let is_other = self.differs.as_ref().map(|list| !names(list, &object.etag));
        match is_other.or_else(|| self.newer.map(is_newer)).unwrap_or(true) {
            true => Verdict::Hold,
            false => Verdict::NotModified,
        }
    }
}

/// Whether a list of ETags has this one, or all.
fn names(list: &str, etag: &str) -> bool {
    let mut etags = list.split(',').map(|etag| etag.trim().trim_start_matches("W/").trim_matches('"'));
    etags.any(|named| named == "*" || named == etag)
}

/// What an object that is written may take the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacing {
    /// Whatever there is.
    Anything,
    /// Nothing: there must be no object of this name.
    Nothing,
    /// An object with one of these ETags.
    One(String),
}

/// An object that was to be written has another in its place than the request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// There is one, or another one.
    #[error("the object is not as the request's conditions say")]
    Other,
    /// There is none.
    #[error("there is no such object")]
    Missing,
}

impl Replacing {
    /// Reads the conditions of a request that writes.
    ///
    /// # Errors
    /// 501 for those that S3 does not have.
    pub fn read(headers: &HeaderMap) -> Outcome<Self> {
        let value = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim().to_owned());
        match (value(header::IF_MATCH), value(header::IF_NONE_MATCH)) {
            (None, None) => Ok(Self::Anything),
            (None, Some(all)) if all == "*" => Ok(Self::Nothing),
            (Some(etags), None) => Ok(Self::One(etags)),
            (None, Some(_)) => Err(Failure::not_implemented("if-none-match of uploads with another value than *")),
            (Some(_), Some(_)) => Err(Failure::not_implemented("if-match together with if-none-match")),
        }
    }

    /// Whether what is there may be replaced.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self, there: Option<&Object>) -> Result<(), Unmet> {
        match (self, there) {
            (Self::Anything, _) | (Self::Nothing, None) => Ok(()),
            (Self::One(etags), Some(object)) if names(etags, &object.etag) => Ok(()),
            (Self::One(_), None) => Err(Unmet::Missing),
            (Self::Nothing | Self::One(_), Some(_)) => Err(Unmet::Other),
        }
    }
}

impl Failure {
    /// 412.
    pub(super) fn precondition_failed() -> Self {
        let text = "The object is not as the conditions of the request say";
        Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", text)
    }
}

impl From<Unmet> for Failure {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Other => Self::precondition_failed(),
            Unmet::Missing => Self::not_found("NoSuchKey", "There is no such object to replace"),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::super::index::Headers;
    use super::*;

    fn object() -> Object {
        Object {
            size: 1,
            etag: "abc".to_owned(),
            modified: 784_111_777_500,
            headers: Headers::default(),
            segments: Vec::new(),
        }
    }

    fn headers(given: &[(&str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        given.iter().map(header).collect()
    }

    #[test]
    fn conditions_are_those_of_http() {
        const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
        for (given, verdict) in [
            (vec![], Verdict::Hold),
            (vec![("if-match", "\"abc\"")], Verdict::Hold),
            (vec![("if-match", "x, \"abc\"")], Verdict::Hold),
            (vec![("if-match", "x")], Verdict::Fail),
            (vec![("if-none-match", "*")], Verdict::NotModified),
            (vec![("if-none-match", "W/\"abc\"")], Verdict::NotModified),
            (vec![("if-none-match", "\"x\"")], Verdict::Hold),
            (vec![("if-modified-since", SAME)], Verdict::NotModified),
            (vec![("if-modified-since", BEFORE)], Verdict::Hold),
            (vec![("if-unmodified-since", SAME)], Verdict::Hold),
            (vec![("if-unmodified-since", BEFORE)], Verdict::Fail),
            (vec![("if-unmodified-since", "yesterday")], Verdict::Hold),
            (vec![("if-match", "abc"), ("if-unmodified-since", BEFORE)], Verdict::Hold),
            (vec![("if-none-match", "x"), ("if-modified-since", SAME)], Verdict::Hold),
            (vec![("if-match", "x"), ("if-none-match", "abc")], Verdict::Fail),
        ] {
            assert_eq!(Conditions::read(&headers(&given), "").judge(&object()), verdict, "{given:?}");
            let prefixed: Vec<_> = given.iter().map(|(name, value)| (format!("x-{name}"), *value)).collect();
            let prefixed: Vec<_> = prefixed.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            assert_eq!(Conditions::read(&headers(&prefixed), "x-").judge(&object()), verdict, "{prefixed:?}");
        }
    }

    #[test]
    fn what_is_there_is_replaced_only_as_the_request_says() {
        let read = |given: &[(&str, &str)]| Replacing::read(&headers(given));
        let there = object();
        let anything = read(&[]).unwrap();
        assert_eq!((anything.check(None), anything.check(Some(&there))), (Ok(()), Ok(())));
        let nothing = read(&[("if-none-match", "*")]).unwrap();
        assert_eq!((nothing.check(None), nothing.check(Some(&there))), (Ok(()), Err(Unmet::Other)));
        let one = read(&[("if-match", "\"abc\"")]).unwrap();
        assert_eq!((one.check(None), one.check(Some(&there))), (Err(Unmet::Missing), Ok(())));
        assert_eq!(read(&[("if-match", "\"x\"")]).unwrap().check(Some(&there)), Err(Unmet::Other));
        read(&[("if-none-match", "\"abc\"")]).unwrap_err();
        read(&[("if-none-match", "*"), ("if-match", "*")]).unwrap_err();
    }
}
