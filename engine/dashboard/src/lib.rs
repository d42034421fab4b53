//! The files of the dashboard. `page` has their sources, in TypeScript; the build bundles them.

/// A file that was bundled when this was built.
macro_rules! built {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/page/dist/", $name))
    };
}

/// The files by name, with their types; the one without a name is the page itself.
pub const FILES: [(&str, &str, &str); 4] = [
    ("", "text/html; charset=utf-8", built!("index.html")),
    ("style.css", "text/css; charset=utf-8", built!("style.css")),
    ("dashboard.js", "text/javascript; charset=utf-8", built!("dashboard.js")),
    ("licenses.txt", "text/plain; charset=utf-8", built!("licenses.txt")),
];
