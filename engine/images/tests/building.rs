//! Images are built from Dockerfiles.

mod common;

use common::{Bench, run};
use daytona_images::{Base, Build, Cancel, Error, NoRunner};

#[test]
fn files_are_copied_over_what_is_there() {
    let bench = Bench::new();
    bench.context(&[
        ("app/main.py", "print(1)"),
        ("app/.git/x", ""),
        ("a.txt", "a"),
        ("b.txt", "b"),
        (".dockerignore", ".git\n**/.git\n"),
    ]);
    let image = bench
        .build(
            "FROM scratch AS one\nARG WHERE=/srv\nCOPY app $WHERE/app\nCOPY *.txt /texts/\n\
             FROM scratch\nENV A=1 B=\"$A two\"\nCOPY --from=one --chown=7:8 /srv /srv\nCOPY --chmod=600 <<EOF /conf/$A.txt\n\
             value=$B \"quoted\"\nEOF\nWORKDIR /srv/app\nCOPY a.txt .\nCMD [\"x\", \"y\"]\nENTRYPOINT go\nUSER 7:8\nLABEL k=v",
        )
        .unwrap();
    assert_eq!(image.base, Base::Empty);
    assert_eq!(bench.text(&image, "srv/app/main.py"), "print(1)");
    assert_eq!(bench.text(&image, "srv/app/a.txt"), "a");
    assert_eq!(bench.text(&image, "conf/1.txt"), "value= two \"quoted\"\n");
    assert!(bench.find(&image, "srv/app/.git").is_none());
    assert!(bench.find(&image, "texts").is_none(), "only what is copied from another stage is there");
    let config = &image.config;
    assert_eq!(config.env, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), " two".to_owned())]);
    assert_eq!(config.entrypoint.as_deref().unwrap(), ["/bin/sh", "-c", "go"]);
    assert_eq!(config.cmd.as_deref().unwrap(), ["x", "y"]);
    assert_eq!((config.user.as_str(), config.workdir.as_str(), config.labels["k"].as_str()), ("7:8", "/srv/app", "v"));
}

#[test]
fn steps_are_done_once_and_say_why_they_are_done_again() {
    let bench = Bench::new();
    let file = "FROM scratch\nCOPY a.txt /a\nCOPY b.txt /b\n";
    bench.context(&[("a.txt", "a"), ("b.txt", "b")]);
    let first = bench.build(file).unwrap();
    assert!(bench.log().iter().any(|line| line.contains("Not cached: it was not built before")), "{:?}", bench.log());
    assert_eq!(bench.build(file).unwrap(), first);
    assert_eq!(bench.log().iter().filter(|line| line.contains("Using cache")).count(), 2);
    bench.context(&[("b.txt", "other")]);
    assert_ne!(bench.build(file).unwrap(), first);
    let log = bench.log();
    assert!(log.iter().any(|line| line.contains("Using cache")), "{log:?}");
    assert!(log.iter().any(|line| line.contains("Not cached: /b has changed")), "{log:?}");
    assert_eq!(bench.store.cached_steps().unwrap().len(), 3);
    assert_eq!(bench.store.clear_cache().unwrap(), 3);
    let freed = bench.store.collect([&first]).unwrap();
    assert_eq!(freed.layers, 1, "the layer with the other b is used by nobody");
    assert_eq!(bench.store.collect([]).unwrap().layers, 2);
}

#[test]
fn errors_name_the_instruction_and_the_reason() {
    let bench = Bench::new();
    bench.context(&[("a.txt", "a")]);
    for (file, line, reason) in [
        ("FROM scratch\nCOPY none.txt /", 2, "not in the build's context"),
        ("FROM scratch\nCOPY ../a.txt /", 2, "leads out"),
        ("FROM scratch\nRUN --mount=type=ssh,required=true [\"/x\"]", 2, "give the key as a secret"),
        ("FROM scratch\nCOPY a.txt /\nCOPY --chown=nobody a.txt /b", 3, "no user \"nobody\""),
        ("FROM scratch\nENV A=\"${B:?is needed}\"", 2, "is needed"),
        ("FROM scratch\nCOPY a.txt /x\nCOPY a.txt /x/y", 3, "is not a directory"),
    ] {
        match bench.build(file) {
            Err(Error::Instruction { line: found, reason: why, .. }) => {
                assert_eq!(found, line, "{file}");
                assert!(why.contains(reason), "{file}: {why}");
            }
            other => panic!("{file}: {other:?}"),
        }
    }
}

#[test]
fn what_is_half_made_is_removed_at_the_next_start() {
    let bench = Bench::new();
    bench.context(&[("a.txt", "a")]);
    let image = bench.build("FROM scratch\nCOPY a.txt /a").unwrap();
    let directory = bench.directory.path().join("images");
    for name in ["tmp/7/deep", "l/0123456789abcdef0123/x"] {
        std::fs::create_dir_all(directory.join(name)).unwrap();
    }
    let bench = bench.again();
    assert_eq!(std::fs::read_dir(directory.join("tmp")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(directory.join("l")).unwrap().count(), 1);
    assert_eq!(bench.text(&image, "a"), "a");
}

#[test]
fn a_target_and_arguments_choose_what_is_built() {
    let bench = Bench::new();
    bench.context(&[("a.txt", "a")]);
    let file = "ARG BASE=scratch\nFROM ${BASE} AS Small\nARG NAME=x\nCOPY a.txt /$NAME\nFROM nowhere.invalid/x\nCOPY a.txt /z\n";
    let build = Build {
        dockerfile: file.to_owned(),
        contexts: vec![bench.context_path()],
        target: Some("small".to_owned()),
        arguments: [("NAME".to_owned(), "given".to_owned())].into(),
        ..Build::default()
    };
    let image = run(&bench, &build).unwrap();
    assert_eq!(bench.text(&image, "given"), "a");
}

#[test]
fn two_builds_of_the_same_thing_do_it_once() {
    let bench = Bench::new();
    bench.context(&[("a.txt", "a"), ("b.txt", "b")]);
    let build = Build {
        dockerfile: "FROM scratch\nCOPY a.txt /a\nCOPY b.txt /b\nWORKDIR /w\n".to_owned(),
        contexts: vec![bench.context_path()],
        ..Build::default()
    };
    let done = std::sync::atomic::AtomicUsize::new(0);
    let images: Vec<_> = std::thread::scope(|scope| {
        let one = || {
            let mut log = |line: &str| {
                if line.contains("Not cached") {
                    done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            };
            bench.store.build(&build, &NoRunner, &mut log, &Cancel::default()).unwrap()
        };
        let builds: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        builds.into_iter().map(|build| build.join().unwrap()).collect()
    });
    assert!(images.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(done.into_inner(), 3);
}

#[test]
fn a_build_that_is_cancelled_leaves_what_was_done_and_nothing_half_done() {
    let bench = Bench::new();
    bench.context(&[("a.txt", "a"), ("b.txt", "b")]);
    let build = Build {
        dockerfile: "FROM scratch\nCOPY a.txt /a\nCOPY b.txt /b\n".to_owned(),
        contexts: vec![bench.context_path()],
        ..Build::default()
    };
    let cancel = Cancel::default();
    let mut log = |line: &str| {
        if line.starts_with("Step 3") {
            cancel.cancel();
        }
    };
    let built = bench.store.build(&build, &NoRunner, &mut log, &cancel);
    assert!(matches!(built, Err(Error::Cancelled)), "{built:?}");
    assert_eq!(bench.store.cached_steps().unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(bench.directory.path().join("images/tmp")).unwrap().count(), 0);
    run(&bench, &build).unwrap();
    assert_eq!(bench.log().iter().filter(|line| line.contains("Using cache")).count(), 1);
}

#[test]
fn parents_are_kept_where_they_are_asked_for() {
    let bench = Bench::new();
    bench.context(&[("a/b/one.txt", "1"), ("a/c/two.txt", "2"), ("a/c/deep/three.txt", "3")]);
    let file = "FROM scratch\nCOPY --parents a/b/one.txt a/c /whole/\nCOPY --parents a/./*/*.txt /part/\n\
                COPY --parents=false a/b/one.txt /plain/\n";
    let image = bench.build(file).unwrap();
    for (path, text) in [
        ("whole/a/b/one.txt", "1"),
        ("whole/a/c/deep/three.txt", "3"),
        ("part/b/one.txt", "1"),
        ("part/c/two.txt", "2"),
        ("plain/one.txt", "1"),
    ] {
        assert_eq!(bench.text(&image, path), text, "{path}");
    }
}

#[test]
fn steps_are_those_of_whoever_builds() {
    let bench = Bench::new();
    bench.context(&[("a.txt", "a")]);
    let is_cached = |owner: &str| {
        let dockerfile = "FROM scratch\nCOPY a.txt /a\n".to_owned();
        let build =
            Build { dockerfile, owner: owner.to_owned(), contexts: vec![bench.context_path()], ..Build::default() };
        run(&bench, &build).unwrap();
        let log = bench.log();
        assert!(!log.iter().any(|line| line.contains("has changed") || line.contains("gone")), "{log:?}");
        log.iter().any(|line| line.contains("Using cache"))
    };
    assert_eq!(["", "", "one", "two", "one"].map(is_cached), [false, true, false, false, true]);
}

#[test]
fn a_command_may_lock_a_cache_twice() {
    let (done, waiting) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let bench = Bench::new();
        bench.context(&[("a.txt", "a")]);
        let mounts = ["/one", "/two"].map(|target| format!("--mount=type=cache,id=c,sharing=locked,target={target}"));
        let built = bench.build(&format!("FROM scratch\nRUN {} [\"/x\"]\n", mounts.join(" ")));
        done.send(built.unwrap_err().to_string()).unwrap();
    });
    let error = waiting.recv_timeout(std::time::Duration::from_secs(60)).expect("it does not wait for itself");
    assert!(error.contains("commands cannot be run here"), "{error}");
}

#[test]
fn what_git_archive_writes_is_a_context() {
    let bench = Bench::new();
    let archive = bench.directory.path().join("context.tar");
    let mut builder = tar::Builder::new(std::fs::File::create(&archive).unwrap());
    let mut append = |kind: tar::EntryType, name: &str, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content).unwrap();
    };
    append(tar::EntryType::XGlobalHeader, "pax_global_header", b"19 comment=0123456\n");
    append(tar::EntryType::Regular, "a.txt", b"a");
    builder.into_inner().unwrap();
    let dockerfile = "FROM scratch\nCOPY . /\n".to_owned();
    let image = run(&bench, &Build { dockerfile, contexts: vec![archive], ..Build::default() }).unwrap();
    assert_eq!(bench.text(&image, "a.txt"), "a");
    assert!(bench.find(&image, "pax_global_header").is_none());
}

#[test]
fn a_full_disk_ends_a_build_before_it_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let options = daytona_images::Options { reserve: u64::MAX / 2, ..common::options() };
    let store = daytona_images::Store::open(directory.path(), options).unwrap();
    let build = Build { dockerfile: "FROM scratch\nCOPY <<EOF /a\na\nEOF\n".to_owned(), ..Build::default() };
    let error = store.build(&build, &NoRunner, &mut |_| {}, &Cancel::default()).unwrap_err();
    assert!(matches!(error, Error::NoRoom { .. }) && error.to_string().contains("are left on"), "{error}");
}
