//! Lists of objects, page by page.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::documents::Element;
use super::failures::{Failure, Outcome};
use super::grants::{Grant, Prefix};
use super::index::Object;
use super::requests::{Call, MAX_ENTRIES, iso, quoted, xml};
use super::{BUCKET, Storage, signatures};

impl Call<'_> {
    pub(super) async fn list(&self, grant: &Grant) -> Outcome<Response> {
        let prefix = self.prefix(grant)?;
        let second = self.query.get("list-type") == Some("2");
        let most = match self.query.get("max-keys").map(str::parse::<usize>) {
            None => MAX_ENTRIES,
            Some(Ok(most)) => most.min(MAX_ENTRIES),
            Some(Err(_)) => return Err(Failure::bad_request("InvalidArgument", "max-keys must be a number")),
        };
        let delimiter = self.query.get("delimiter").unwrap_or_default().to_owned();
        let after = match (second, self.query.get("continuation-token")) {
            (true, Some(token)) => read_token(token)?,
            (true, None) => self.query.get("start-after").unwrap_or_default().to_owned(),
            (false, _) => self.query.get("marker").unwrap_or_default().to_owned(),
        };
        let page = self.stored({
            let (prefix, delimiter) = (prefix.clone(), delimiter.clone());
            move |storage| {
                // Whoever finds a context here builds with it: it must not be pruned before.
                storage.index.note_use(prefix.text())?;
                page(storage, &prefix, &delimiter, after, most)
            }
        });
        let page = page.await?;
        let is_encoded = self.query.get("encoding-type") == Some("url");
        let shown = |text: &str| if is_encoded { signatures::encode(text) } else { text.to_owned() };
        let mut list = Element::new("ListBucketResult");
        list.text("Name", BUCKET).text("Prefix", &shown(prefix.text())).value("MaxKeys", most);
        list.value("IsTruncated", page.next.is_some());
        if !delimiter.is_empty() {
            list.text("Delimiter", &shown(&delimiter));
        }
        if is_encoded {
            list.text("EncodingType", "url");
        }
        if second {
            list.value("KeyCount", page.objects.len() + page.groups.len());
            if let Some(token) = self.query.get("continuation-token") {
                list.text("ContinuationToken", token);
            }
        } else {
            list.text("Marker", &shown(self.query.get("marker").unwrap_or_default()));
        }
        if let Some(next) = &page.next {
            match second {
                true => list.text("NextContinuationToken", &URL_SAFE.encode(next)),
                false => list.text("NextMarker", &shown(next)),
            };
        }
        for (name, object) in &page.objects {
            list.group("Contents", |entry| {
                entry.text("Key", &shown(name)).text("LastModified", &iso(object.modified));
                entry.text("ETag", &quoted(&object.etag)).value("Size", object.size).text("StorageClass", "STANDARD");
            });
        }
        for group in &page.groups {
            list.group("CommonPrefixes", |entry| {
                entry.text("Prefix", &shown(group));
            });
        }
        Ok(xml(list))
    }
}

/// A part of a list.
struct Page {
    objects: Vec<(String, Object)>,
    /// What names have in common up to the delimiter.
    groups: Vec<String>,
    /// The last name of this part, if there are more.
    next: Option<String>,
}

fn page(storage: &Storage, prefix: &Prefix, delimiter: &str, mut after: String, most: usize) -> anyhow::Result<Page> {
    let mut page = Page { objects: Vec::new(), groups: Vec::new(), next: None };
    if most == 0 {
        return Ok(page);
    }
    let mut last = String::new();
    'parts: loop {
        let wanted = most - page.objects.len() - page.groups.len() + 1;
        let found = storage.index.list(prefix, &after, wanted)?;
        let is_all = found.len() < wanted;
        for (name, object) in found {
            if page.objects.len() + page.groups.len() == most {
                page.next = Some(last);
                return Ok(page);
            }
            let rest = name.strip_prefix(prefix.text()).unwrap_or_default();
            let end = if delimiter.is_empty() { None } else { rest.find(delimiter) };
            if let Some(end) = end {
                let group = format!("{}{}", prefix.text(), &rest[..end + delimiter.len()]);
                // All names of the group come before this one.
                after = format!("{group}{}", char::MAX);
                last = after.clone();
                page.groups.push(group);
                continue 'parts;
            }
            after.clone_from(&name);
            last.clone_from(&name);
            page.objects.push((name, object));
        }
        if is_all {
            return Ok(page);
        }
    }
}

fn read_token(token: &str) -> Outcome<String> {
    let text = URL_SAFE.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| Failure::bad_request("InvalidArgument", "The continuation token is not one of this storage"))
}
