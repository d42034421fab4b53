//! What is built here is what buildah builds.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use common::Bench;
use daytona_images::Cancel;

const DOCKERFILE: &str = r#"
FROM scratch AS one
ARG N=name
COPY a.txt /src/$N.txt
COPY d /src/d
FROM scratch
ENV A=1 B="two words" C=${A}x
ENV OLD style
LABEL k="v w"
COPY --from=one /src /copied
COPY --chown=7:8 a.txt link /many/
COPY d/s* /globbed/
COPY ["a.txt", "/json/with space"]
ADD archive.tar.gz /unpacked
WORKDIR /w/x
COPY a.txt .
USER 7:8
EXPOSE 80 53/udp
VOLUME /v
STOPSIGNAL SIGINT
ENTRYPOINT ["/x", "y"]
CMD ["z"]
"#;

fn buildah(directory: &Path, arguments: &[&str]) {
    let [root, run] = ["buildah", "buildah-run"].map(|name| directory.join(name).display().to_string());
    let built = Command::new("buildah")
        .args(["--root", &root, "--runroot", &run, "--storage-driver", "vfs"])
        .args(arguments)
        .output()
        .expect("buildah is missing: run make setup");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

#[test]
fn files_and_configuration_are_those_that_buildah_makes() {
    if !nix::unistd::geteuid().is_root() {
        // Files have the owners of the image only where root makes them.
        return;
    }
    let bench = Bench::new();
    bench.context(&[("a.txt", "a"), ("d/sub/b", "b"), ("x.log", ""), ("d/x.log", ""), (".dockerignore", "**/*.log\n")]);
    let context = bench.context_path();
    fs::set_permissions(context.join("d/sub/b"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("a.txt", context.join("link")).unwrap();
    let packed = Command::new("tar")
        .arg("-C")
        .arg(&context)
        .args(["-czf"])
        .arg(context.join("archive.tar.gz"))
        .arg("d")
        .status();
    assert!(packed.unwrap().success());
    fs::write(context.join("Dockerfile"), DOCKERFILE).unwrap();

    let image = bench.build(DOCKERFILE).unwrap();
    let (here, layout) = (bench.directory.path(), bench.directory.path().join("of-buildah"));
    let context = context.display().to_string();
    buildah(here, &["bud", "--isolation", "chroot", "-q", "-t", "it", &context]);
    buildah(here, &["push", "-q", "it", &format!("oci:{}:it", layout.display())]);
    let theirs = bench.store.import(&layout, "theirs", &mut |_| {}, &Cancel::default()).unwrap().image;

    let both = ((image.base, image.layers.as_slice()), (theirs.base, theirs.layers.as_slice()));
    let differences = bench.store.compare(both.0, both.1, 100, &Cancel::default()).unwrap().differences;
    assert!(differences.is_empty(), "{differences:?}");
    let (mut ours, mut theirs) = (image.config, theirs.config);
    for config in [&mut ours, &mut theirs] {
        config.env.sort();
        // It notes itself, and where programs are.
        config.labels.retain(|name, _| !name.starts_with("io.buildah"));
        config.env.retain(|(name, _)| name != "PATH");
    }
    assert_eq!(ours, theirs);
}
