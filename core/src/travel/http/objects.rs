//! What a request is about, for errors whose text does not say.

use crate::error::Error;

/// Names the session, command, terminal or path of a request that was refused, unless the server's words do.
pub(super) fn named(
    error: Error,
    path: &str,
    query: &[(&'static str, String)],
    others: &[(&'static str, String)],
) -> Error {
    if !matches!(error.status(), Some(400 | 403..=405 | 409..=423)) {
        return error;
    }
    let mut objects = others.to_vec();
    let mut segments = path.split('/');
    while let Some(segment) = segments.next() {
        let what = match segment {
            "session" => "session",
            "command" => "command",
            "pty" => "terminal",
            _ => continue,
        };
        objects.extend(segments.next().map(|id| (what, decoded(id))));
    }
    objects.extend(query.iter().filter(|(name, _)| *name == "path").map(|(name, path)| (*name, path.clone())));
    let message = error.to_string();
    let unnamed = |(_, id): &&(&str, String)| !id.is_empty() && !message.contains(id.as_str());
    let unnamed: Vec<_> = objects.iter().filter(unnamed).map(|(what, id)| format!("{what} {id:?}")).collect();
    if unnamed.is_empty() { error } else { error.about(unnamed.join(", ")) }
}

/// A segment of a path as the caller wrote it.
fn decoded(segment: &str) -> String {
    // A plus sign, which this would take for a space, is never left in a segment.
    url::form_urlencoded::parse(segment.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn message(text: &str, path: &str, query: &[(&'static str, String)]) -> String {
        let answer = Error::from_response(404, &http::HeaderMap::new(), text.as_bytes());
        assert_eq!(answer.kind(), ErrorKind::NotFound);
        named(answer, path, query, &[]).to_string()
    }

    #[test]
    fn objects_are_named_once() {
        let body = r#"{"message": "command not found"}"#;
        let path = "/process/session/my%20session/command/c-1/logs";
        assert_eq!(message(body, path, &[]), r#"command not found (session "my session", command "c-1")"#);
        let body = r#"{"message": "no session s here"}"#;
        assert_eq!(message(body, "/process/session/s", &[]), "no session s here");
        let body = r#"{"message": "not a repository"}"#;
        let query = [("path", "/tmp/x".to_owned())];
        assert_eq!(message(body, "/git/status", &query), r#"not a repository (path "/tmp/x")"#);
    }
}
