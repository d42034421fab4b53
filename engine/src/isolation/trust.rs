//! What makes programs in a sandbox with secrets trust the engine in the place of the hosts that get them: a layer over its root
//! with the certificate, and variables that name it.
//!
//! The layer is no part of the sandbox's own files, so no copy or snapshot of it has the certificate.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use daytona_images::Digest;

use super::base::make_directory;
use super::image_root::{ETC, make_directories};
use crate::network::Interceptor;

/// The layer, relative to the state directory.
pub const LAYER: &str = "authority";

/// The certificate alone, and after those of the machine's authorities.
const CERTIFICATE: &str = "/etc/.daytona-authority.crt";
const CERTIFICATES: &str = "/etc/.daytona-authorities.crt";

/// Where systems keep the certificates of all authorities.
const BUNDLES: [&str; 3] = ["etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem", "etc/pki/tls/certs/ca-bundle.crt"];

/// Where Debian's `update-ca-certificates` finds those to add.
const ADDED: &str = "usr/local/share/ca-certificates/daytona-local-engine.crt";

/// Variables that name all authorities that a program trusts.
const ALL: [&str; 9] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "NIX_SSL_CERT_FILE",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
];

/// Variables that name one more.
const ONE_MORE: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];

/// The same for images whose `/etc` is a link, each in a directory of its own.
const LINKED: &str = "authority-of-linked";

/// Writes the layer anew.
pub fn write_layer(state_dir: &Path, interceptor: &Interceptor) -> io::Result<()> {
    let layer = state_dir.join(LAYER);
    for outdated in [&layer, &state_dir.join(LINKED)] {
        match fs::remove_dir_all(outdated) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    make_directory(&layer, 0o755)?;
    let (one, all) = (interceptor.certificate(), interceptor.certificates());
    for path in BUNDLES.into_iter().chain([CERTIFICATES]) {
        write(&layer, path, &all)?;
    }
    [ADDED, CERTIFICATE].iter().try_for_each(|path| write(&layer, path, one))
}

fn write(layer: &Path, path: &str, text: &str) -> io::Result<()> {
    let relative = Path::new(path.trim_start_matches('/'));
    let mut directory = layer.to_owned();
    for part in relative.parent().into_iter().flatten() {
        directory.push(part);
        make_directory(&directory, 0o755)?;
    }
    let file = layer.join(relative);
    fs::write(&file, text)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))
}

/// The layer for an image in which `/etc` is this directory, relative to the state directory: it covers no link that is there.
pub fn layer(state_dir: &Path, etc: &Path) -> io::Result<PathBuf> {
    if etc == Path::new(ETC) {
        return Ok(PathBuf::from(LAYER));
    }
    let relative = Path::new(LINKED).join(Digest::of(etc.as_os_str().as_bytes()).hex());
    let linked = state_dir.join(&relative);
    make_directory(&state_dir.join(LINKED), 0o755)?;
    make_directory(&linked, 0o755)?;
    for path in BUNDLES.into_iter().chain([CERTIFICATES, CERTIFICATE, ADDED]) {
        let path = Path::new(path.trim_start_matches('/'));
        let place = path.strip_prefix(ETC).map_or_else(|_| path.to_owned(), |rest| etc.join(rest));
        make_directories(&linked, place.parent().unwrap_or(Path::new("")))?;
        // The files are the same ones.
        match fs::hard_link(state_dir.join(LAYER).join(path), linked.join(place)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(relative)
}

/// The layer's part that is laid over this directory of the system, if it has one.
pub fn over(state_dir: &Path, target: &Path) -> Option<PathBuf> {
    let part = Path::new(LAYER).join(target);
    state_dir.join(&part).is_dir().then_some(part)
}

/// What programs find in their environment.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let all = ALL.iter().map(|name| (*name, CERTIFICATES));
    let more = ONE_MORE.iter().map(|name| (*name, CERTIFICATE));
    all.chain(more).map(|(name, file)| (name.to_owned(), file.to_owned()))
}
