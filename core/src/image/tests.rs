//! What is put into an image is what a Dockerfile parser reads out.

use parse_dockerfile::{Command, Dockerfile, Instruction, JsonOrStringArray, Source, parse};

use super::*;

/// Texts that mean something to a shell, a Dockerfile or JSON, put together in an order that is always the same.
struct Words(u64);

impl Words {
    fn number(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn word(&mut self) -> String {
        const PARTS: [&str; 24] = [
            "a", "B1", " ", "'", "\"", "\\", "$", "${X}", "`", "#", "<<EOF", ";", "&&", "*", "[", "]", "=", "ü", "--x",
            "%", "~", "!", ",", "{",
        ];
        (0..1 + self.number(5)).map(|_| PARTS[self.number(PARTS.len())]).collect()
    }

    fn words(&mut self) -> Vec<String> {
        (0..1 + self.number(4)).map(|_| self.word()).collect()
    }
}

fn read(image: &Image) -> Dockerfile<'_> {
    parse(image.dockerfile()).unwrap_or_else(|e| panic!("{e}\n{}", image.dockerfile()))
}

fn base() -> Image {
    Image::base("debian:12").unwrap()
}

/// The words a POSIX shell reads.
fn shell_words(command: &str) -> Vec<String> {
    let output =
        std::process::Command::new("sh").args(["-c", &format!("set -f; printf '%s\\0' {command}")]).output().unwrap();
    assert!(output.status.success(), "{command}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The value that builders read between or without quotes.
fn unquoted(text: &str) -> String {
    let words = instructions::words(text, Escape::of(""));
    assert_eq!(words.len(), 1, "{text}");
    // Nothing is left for them to replace.
    let (mut quote, mut chars) = (None, text.chars());
    while let Some(c) = chars.next() {
        match quote {
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == '\\' && quote != Some('\'') => drop(chars.next()),
            _ => assert!(c != '$' || quote == Some('\''), "{text}"),
        }
    }
    words[0].text.clone()
}

#[test]
fn commands_are_read_as_they_were_given() {
    let mut words = Words(1);
    for _ in 0..300 {
        let arguments = words.words();
        let image = base().run_program(arguments.clone()).unwrap();
        let dockerfile = read(&image);
        let [Instruction::From(_), Instruction::Run(run)] = &dockerfile.instructions[..] else {
            panic!("{}", image.dockerfile())
        };
        match &run.arguments {
            Command::Shell(command) => assert_eq!(shell_words(command.value), arguments),
            _ => panic!("{}", image.dockerfile()),
        }
    }
}

#[test]
fn arguments_of_several_lines_are_read_as_they_were_given() {
    let arguments = ["sh", "-c", "echo \"a\"\necho '$b'\\"].map(str::to_owned);
    let image = base().run_program(arguments.clone()).unwrap();
    let dockerfile = read(&image);
    let [_, Instruction::Run(run)] = &dockerfile.instructions[..] else { panic!("{}", image.dockerfile()) };
    let Command::Exec(words) = &run.arguments else { panic!("{}", image.dockerfile()) };
    assert_eq!(words.value.iter().map(|word| word.value.to_string()).collect::<Vec<_>>(), arguments);
}

#[test]
fn scripts_are_read_as_they_were_given() {
    let script = "for i in 1 2; do\n  echo \"$i\"\ndone\nEOF\nENV A=b";
    let image = base().run(script).unwrap();
    let dockerfile = read(&image);
    let [_, Instruction::Run(run)] = &dockerfile.instructions[..] else { panic!("{}", image.dockerfile()) };
    assert_eq!(run.here_docs[0].value.trim_end_matches('\n'), script);
    assert!(!run.here_docs[0].expand);
    for own in
        ["apt-get update && \\\n  apt-get install -y git", "<<EOF\necho a\nEOF", "python3 <<'X' && echo\nprint()\nX"]
    {
        assert_eq!(base().run(own).unwrap().dockerfile(), format!("FROM debian:12\nRUN {own}\n"));
    }
}

#[test]
fn packages_are_read_as_they_were_given() {
    let mut words = Words(2);
    for _ in 0..100 {
        let (mut packages, index) = (words.words(), words.word());
        let options = PipInstallOptions {
            find_links: Some(vec![words.word(), words.word()]),
            index_url: Some(index.clone()),
            extra_index_urls: Some(vec![words.word()]),
            pre: Some(true),
            extra_options: Some(" --no-cache-dir -q ".into()),
        };
        let image = base().pip_install(packages.clone(), options.clone()).unwrap();
        let dockerfile = read(&image);
        let [_, Instruction::Run(run)] = &dockerfile.instructions[..] else { panic!("{}", image.dockerfile()) };
        let Command::Shell(command) = &run.arguments else { panic!("{}", image.dockerfile()) };
        packages.sort();
        let mut expected = ["python", "-m", "pip", "install"].map(str::to_owned).to_vec();
        expected.extend(packages);
        for link in options.find_links.unwrap() {
            expected.extend(["--find-links".to_owned(), link]);
        }
        expected.extend(["--index-url".to_owned(), index, "--extra-index-url".to_owned()]);
        expected.extend(options.extra_index_urls.unwrap());
        expected.extend(["--pre", "--no-cache-dir", "-q"].map(str::to_owned));
        assert_eq!(shell_words(command.value), expected);
    }
}

#[test]
fn variables_directories_and_labels_are_read_as_they_were_given() {
    let mut words = Words(3);
    for _ in 0..300 {
        let value = words.word();
        let image = base().env([("NAME", &value)]).unwrap().workdir(&value).unwrap().label("key", &value).unwrap();
        let dockerfile = read(&image);
        let [_, Instruction::Env(env), Instruction::Workdir(workdir), Instruction::Label(label)] =
            &dockerfile.instructions[..]
        else {
            panic!("{}", image.dockerfile())
        };
        assert_eq!(unquoted(env.arguments.value.strip_prefix("NAME=").unwrap()), value);
        assert_eq!(unquoted(&workdir.arguments.value), value);
        assert_eq!(unquoted(label.arguments.value.strip_prefix("key=").unwrap()), value);
    }
}

#[test]
fn entrypoints_and_commands_are_read_as_they_were_given() {
    let mut words = Words(4);
    for _ in 0..100 {
        let mut given = words.words();
        given.push("line\nline\ttab".into());
        let image = base().entrypoint(&given).cmd(&given).volume(&given);
        let dockerfile = read(&image);
        let [_, Instruction::Entrypoint(entrypoint), Instruction::Cmd(cmd), Instruction::Volume(volume)] =
            &dockerfile.instructions[..]
        else {
            panic!("{}", image.dockerfile())
        };
        for command in [&entrypoint.arguments, &cmd.arguments] {
            let Command::Exec(words) = command else { panic!("{}", image.dockerfile()) };
            assert_eq!(words.value.iter().map(|word| word.value.to_string()).collect::<Vec<_>>(), given);
        }
        let JsonOrStringArray::Json(words) = &volume.arguments else { panic!("{}", image.dockerfile()) };
        assert_eq!(words.value.iter().map(|word| word.value.to_string()).collect::<Vec<_>>(), given);
    }
    assert_eq!(base().entrypoint(&[]).dockerfile(), "FROM debian:12\nENTRYPOINT []\n");
}

#[test]
fn copied_files_are_read_as_they_were_given() {
    let mut words = Words(5);
    for _ in 0..300 {
        let (local, remote) = (format!("dir/{}", words.word()), format!("/{}", words.word()));
        let image = base().add_local_dir(&local, &remote).unwrap();
        let dockerfile = read(&image);
        let [_, Instruction::Copy(copy)] = &dockerfile.instructions[..] else { panic!("{}", image.dockerfile()) };
        let [Source::Path(source)] = &copy.src[..] else { panic!("{}", image.dockerfile()) };
        // A builder takes the words apart once more, and the source is a pattern.
        let lexed = |text: &str| {
            text.chars()
                .scan(false, |escaped, c| {
                    let skip = c == '\\' && !*escaped;
                    *escaped = skip;
                    Some((!skip).then_some(c))
                })
                .flatten()
                .collect::<String>()
        };
        assert_eq!(lexed(&copy.dest.value), remote);
        let pattern = lexed(&source.value);
        let glob = globset::GlobBuilder::new(&pattern).backslash_escape(true).build();
        let archive = image.contexts()[0].archive_path.clone().unwrap();
        // globset also knows braces, which builders do not.
        if !archive.contains('{') {
            assert!(glob.unwrap().compile_matcher().is_match(&archive), "{pattern} {archive}");
        }
    }
}

#[test]
fn the_text_is_the_documented_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("requirements.txt"), "numpy\n").unwrap();
    std::fs::write(
        path("pyproject.toml"),
        "[project]\nname = \"x\"\ndependencies = [\"requests>=2\"]\n[project.optional-dependencies]\ndev = [\"pytest\"]\n",
    )
    .unwrap();
    let archive = path("requirements.txt").trim_start_matches('/').to_owned();
    let text = |command: &str| vec![command.to_owned()];
    let pyproject = PyprojectOptions {
        optional_dependencies: Some(vec!["dev".into(), "none".into()]),
        pre: Some(true),
        ..Default::default()
    };
    let image = Image::debian_slim(Some("3.12"))
        .and_then(|image| image.pip_install(["pandas", "numpy>=1.0"], Default::default()))
        .and_then(|image| image.pip_install_from_requirements(&path("requirements.txt"), Default::default()))
        .and_then(|image| image.pip_install_from_pyproject(&path("pyproject.toml"), pyproject))
        .and_then(|image| image.add_local_file("src/app.py", "/app/"))
        .and_then(|image| image.run("echo hello"))
        .and_then(|image| image.env([("A", "1"), ("B", "two words")]))
        .and_then(|image| image.workdir("/app"))
        .and_then(|image| image.user("daytona"))
        .and_then(|image| image.expose(&[80, 443]))
        .and_then(|image| image.apt_get(["git", "curl"]))
        .and_then(|image| image.dockerfile_commands(&text("RUN true"), None, Default::default()))
        .unwrap();
    assert_eq!(
        image.cmd(&["python".to_owned(), "app.py".to_owned()]).dockerfile(),
        format!(
            "FROM python:3.12.10-slim-bookworm\n\
             RUN apt-get update\n\
             RUN apt-get install -y gcc gfortran build-essential\n\
             RUN pip install --upgrade pip\n\
             RUN echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections\n\
             RUN python -m pip install 'numpy>=1.0' pandas\n\
             COPY [\"{archive}\", \"/.requirements.txt\"]\n\
             RUN python -m pip install -r /.requirements.txt\n\
             RUN python -m pip install pytest 'requests>=2' --pre\n\
             COPY [\"src/app.py\", \"/app/app.py\"]\n\
             RUN echo hello\n\
             ENV A=1\n\
             ENV B='two words'\n\
             WORKDIR /app\n\
             USER daytona\n\
             EXPOSE 80 443\n\
             RUN apt-get update && apt-get install -y git curl && rm -rf /var/lib/apt/lists/*\n\
             RUN true\n\
             CMD [\"python\", \"app.py\"]\n"
        )
    );
}

#[test]
fn a_dockerfile_keeps_its_text_and_its_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    file("app.js", "");
    let text = "FROM node:22\nCOPY app.js package*.json /app/\nCMD [\"node\", \"/app/app.js\"]";
    let path = file("Dockerfile", text);
    file("package.json", "{}");
    let image = Image::from_dockerfile(&path, Default::default()).unwrap();
    assert_eq!(image.dockerfile(), format!("{text}\n"));
    let archived: Vec<_> = image.contexts().iter().map(|context| context.archive_path.as_deref().unwrap()).collect();
    assert_eq!(archived, ["app.js", "package.json"]);
    assert_eq!(image.contexts()[0].ignore_file, None);
    file(".dockerignore", "*.md\n");
    let image = Image::from_dockerfile(&path, Default::default()).unwrap();
    assert!(image.contexts()[0].ignore_file.as_deref().unwrap().ends_with("/.dockerignore"));
}

#[test]
fn what_no_dockerfile_can_say_is_refused() {
    let options = || PipInstallOptions { extra_options: Some("--quiet \\".into()), ..Default::default() };
    for (refused, word) in [
        (Image::base(""), "name of an image"),
        (Image::base("a b"), "\"a b\""),
        (Image::debian_slim(Some("2.7")), "3.13"),
        (Image::debian_slim(Some("3.12.x")), "3.12.x"),
        (base().env([("A", "1\nENV B=2")]), "variable A"),
        (base().env([("A B", "1")]), "\"A B\""),
        (base().pip_install(["a\nRUN b"], Default::default()), "package"),
        (base().pip_install(["a"], options()), "continue the line"),
        (base().run(" \n"), "empty"),
        (base().run_program(Vec::<String>::new()), "empty"),
        (base().workdir(""), "working directory"),
        (base().user("a b"), "\"a b\""),
        (base().expose(&[0]), "0 is not a valid port"),
        (base().add_local_file("", "/x"), "source path"),
        (base().pip_install_from_requirements("/none/r.txt", Default::default()), "/none/r.txt"),
        (base().pip_install_from_pyproject("/none/p.toml", Default::default()), "/none/p.toml"),
        (Image::from_dockerfile("/none/Dockerfile", Default::default()), "/none/Dockerfile"),
        (base().dockerfile_commands(&[], Some("/none"), Default::default()), "/none"),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(
        Image::debian_slim(Some("3.11.9")).unwrap().dockerfile().lines().next(),
        Some("FROM python:3.11.9-slim-bookworm")
    );
    assert_eq!(base().pip_install(Vec::<String>::new(), Default::default()).unwrap(), base());
}

#[test]
fn steps_are_taken_by_name() {
    let take = |image: &Image, step: &str, args: serde_json::Value| {
        let request = serde_json::json!({ "image": image, "step": step, "args": args });
        super::step(request.to_string().as_bytes())
    };
    let image = take(&Image::default(), "base", serde_json::json!(["debian:12"])).unwrap();
    let image = take(&image, "run_commands", serde_json::json!([["echo a", ["echo", "b c"]]])).unwrap();
    let image = take(&image, "env", serde_json::json!([[["B", "1"], ["A", "2"]]])).unwrap();
    let image = take(&image, "pip_install", serde_json::json!([["x"], {"pre": true}])).unwrap();
    assert_eq!(
        image.dockerfile(),
        "FROM debian:12\nRUN echo a\nRUN \"echo\" \"b c\"\nENV B=1\nENV A=2\nRUN python -m pip install x --pre\n"
    );
    for (args, own, release) in [
        (serde_json::json!([]), "3.9", "3.9.22"),
        (serde_json::json!([null]), "3.9", "3.9.22"),
        (serde_json::json!([null]), "3.99", "3.13.3"),
        (serde_json::json!(["3.10"]), "3.9", "3.10.17"),
    ] {
        let request = serde_json::json!({ "step": "debian_slim", "args": args, "python": own });
        let image = super::step(request.to_string().as_bytes()).unwrap();
        assert!(image.dockerfile().starts_with(&format!("FROM python:{release}-")), "{}", image.dockerfile());
    }
    let error = take(&image, "workdir", serde_json::json!([5])).unwrap_err().to_string();
    assert_eq!(error, "The path of workdir is not usable: it must be a string, not 5.");
    let error = take(&image, "paint", serde_json::json!([])).unwrap_err().to_string();
    assert!(error.contains("\"paint\""), "{error}");
}
