//! The XML of requests and answers.

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::Event;

use super::failures::{Failure, Outcome};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// An answer that is being written.
pub struct Element {
    name: &'static str,
    xml: String,
}

impl Element {
    /// A whole document.
    pub fn new(name: &'static str) -> Self {
        let xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{name} xmlns=\"{NAMESPACE}\">");
        Self { name, xml }
    }

    /// The document of an error, which has no namespace: clients look for its parts by their plain names.
    pub fn error() -> Self {
        Self { name: "Error", xml: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>".to_owned() }
    }

    /// An element that holds text.
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.open(name);
        self.xml.push_str(&escape(text));
        self.close(name)
    }

    /// An element that holds a number or a truth value.
    pub fn value(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.text(name, &value.to_string())
    }

    /// An element that holds others.
    pub fn group(&mut self, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name);
        fill(self);
        self.close(name)
    }

    fn open(&mut self, name: &str) {
        self.xml.extend(["<", name, ">"]);
    }

    fn close(&mut self, name: &str) -> &mut Self {
        self.xml.extend(["</", name, ">"]);
        self
    }

    /// The document's text.
    pub fn finish(mut self) -> String {
        self.close(self.name);
        self.xml
    }
}

/// The parts that an upload is to be completed with: their numbers and ETags without quotes, in the order of the document.
pub fn completed_parts(xml: &[u8]) -> Outcome<Vec<(u32, String)>> {
    let mut parts = Vec::new();
    for fields in groups(xml, "Part")? {
        let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, text)| text.trim());
        let number = field("PartNumber").and_then(|text| text.parse().ok());
        let etag = field("ETag").map(|text| text.trim_matches('"').to_owned());
        parts.push(number.zip(etag).ok_or_else(malformed)?);
    }
    Ok(parts)
}

/// The names of the objects to delete, and whether those that were deleted need not be listed.
pub fn deleted_keys(xml: &[u8]) -> Outcome<(Vec<String>, bool)> {
    let key = |fields: Vec<(String, String)>| fields.into_iter().find(|(name, _)| name == "Key").map(|(_, text)| text);
    let keys = groups(xml, "Object")?.into_iter().map(|fields| key(fields).ok_or_else(malformed));
    let quiet = groups(xml, "Delete")?.into_iter().flatten();
    let quiet = quiet.into_iter().any(|(name, text)| name == "Quiet" && text.trim() == "true");
    Ok((keys.collect::<Outcome<_>>()?, quiet))
}

fn malformed() -> Failure {
    Failure::bad_request("MalformedXML", "The request's XML is not what this operation takes")
}

/// The direct children that hold text, of each element of this name.
fn groups(xml: &[u8], wanted: &str) -> Outcome<Vec<Vec<(String, String)>>> {
    let mut reader = Reader::from_reader(xml);
    let mut groups = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    loop {
        match reader.read_event().map_err(|_| malformed())? {
            Event::Start(start) => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                if name == wanted {
                    groups.push(Vec::new());
                }
                path.push(name);
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.decode().map_err(|_| malformed())?),
            Event::CData(part) => text.push_str(&part.decode().map_err(|_| malformed())?),
            Event::GeneralRef(part) => {
                let reference = format!("&{};", part.decode().map_err(|_| malformed())?);
                text.push_str(&unescape(&reference).map_err(|_| malformed())?);
            }
            Event::End(_) => {
                let name = path.pop().ok_or_else(malformed)?;
                if path.last().is_some_and(|parent| parent == wanted)
                    && let Some(group) = groups.last_mut()
                {
                    group.push((name, std::mem::take(&mut text)));
                }
            }
            Event::Eof if path.is_empty() => return Ok(groups),
            Event::Eof => return Err(malformed()),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_from_what_clients_write() {
        let xml = br#"<?xml version="1.0"?><CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Part><ETag>"a"</ETag><PartNumber>1</PartNumber></Part>
            <Part><PartNumber>2</PartNumber><ETag>&quot;b&#34;</ETag><ChecksumCRC32>x</ChecksumCRC32></Part>
            </CompleteMultipartUpload>"#;
        assert_eq!(completed_parts(xml).unwrap(), [(1, "a".to_owned()), (2, "b".to_owned())]);
        for bad in [
            "<A><Part><ETag>a</ETag></Part></A>",
            "<A><Part>",
            "</A>",
            "<A><Part><PartNumber>x</PartNumber></Part></A>",
        ] {
            assert!(completed_parts(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_read_with_what_is_escaped_in_them() {
        let xml = b"<Delete><Quiet>true</Quiet><Object><Key>a&amp;b &lt;c&gt;</Key></Object><Object><Key>d</Key></Object></Delete>";
        assert_eq!(deleted_keys(xml).unwrap(), (vec!["a&b <c>".to_owned(), "d".to_owned()], true));
    }

    #[test]
    fn text_is_escaped() {
        let mut element = Element::new("A");
        element.text("Key", "a<&>\"");
        assert!(element.finish().ends_with("<Key>a&lt;&amp;&gt;&quot;</Key></A>"));
    }
}
