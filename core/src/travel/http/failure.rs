//! Exchanges that got no answer, or none that may be taken.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;
use url::Url;

use crate::error::{Error, ErrorKind, wording};
use crate::travel::connect::BoxError;

/// Why there is no answer. URLs are left out: their query may carry a token.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Host and port of the server.
    place: String,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    /// The request can be sent to nobody.
    Unusable(String),
    /// There is no connection.
    Connecting(BoxError),
    /// The answer redirects to where requests do not go.
    Redirect(String),
    /// The connection broke.
    Broken(BoxError),
}

impl Failure {
    pub(super) fn unusable(url: &Url, why: impl ToString) -> Self {
        Self { place: place(url), cause: Cause::Unusable(why.to_string()) }
    }

    pub(super) fn redirect(place: &str, why: String) -> Self {
        Self { place: place.to_owned(), cause: Cause::Redirect(why) }
    }

    pub(super) fn sending(url: &Url, error: legacy::Error) -> Self {
        let cause = if error.is_connect() { Cause::Connecting(error.into()) } else { Cause::Broken(error.into()) };
        Self { place: place(url), cause }
    }

    pub(super) fn receiving(place: &str, error: hyper::Error) -> Self {
        Self { place: place.to_owned(), cause: Cause::Broken(error.into()) }
    }

    /// Whether nothing was sent.
    pub(super) fn is_connect(&self) -> bool {
        matches!(self.cause, Cause::Connecting(_))
    }

    pub(super) fn is_redirect(&self) -> bool {
        matches!(self.cause, Cause::Redirect(_))
    }

    /// Whether the server says that it did not look at the request: it closes the connection in order, or has too much to
    /// do on it (RFC 9113, 8.7).
    pub(super) fn is_unprocessed(&self) -> bool {
        let Cause::Broken(error) = &self.cause else { return false };
        causes(&**error).filter_map(|cause| cause.downcast_ref::<h2::Error>()).any(|error| {
            let closing = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
            let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            error.is_remote() && (closing || refused)
        })
    }

    /// The error this stands for.
    pub(crate) fn error(&self) -> Error {
        let place = &self.place;
        match &self.cause {
            Cause::Unusable(why) => Error::invalid_argument("The request cannot be made").with_source(why.clone()),
            Cause::Redirect(why) => {
                let error = Error::new(ErrorKind::UnprocessableEntity, format!("The answer of {place} is refused"));
                error.with_source(why.clone())
            }
            Cause::Connecting(error) => {
                if let Some(known) = causes(&**error).find_map(|cause| cause.downcast_ref::<Error>()) {
                    return known.clone();
                }
                if is_timeout(&**error) {
                    let error =
                        Error::new(ErrorKind::ConnectionTimeout, format!("Connecting to {place} took too long."));
                    return error.and("Check the network and its proxy (HTTPS_PROXY).");
                }
                wording::connection(place, None, true, &**error)
            }
            Cause::Broken(error) if is_timeout(&**error) => {
                Error::new(ErrorKind::Timeout, format!("{place} did not answer in time."))
            }
            Cause::Broken(error) => wording::connection(place, None, false, &**error),
        }
    }
}

/// Host and port of `url`.
pub(super) fn place(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "the server".to_owned(),
    }
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        let io = cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::TimedOut);
        io || cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout)
    })
}
