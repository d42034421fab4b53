//! `RUN`: a command in a stage.

use std::path::PathBuf;

use super::{PROXIES, Stages, State, absolute};
use crate::build::accounts::account;
use crate::build::argv::{SCRIPT, run_argv, script};
use crate::build::copying::{Choice, Copying, Destination};
use crate::build::ignore::Ignored;
use crate::build::mounts::{Mounts, mount_points};
use crate::build::output::Lines;
use crate::build::steps::Wanted;
use crate::credentials::hidden;
use crate::dockerfile::{Command, HereDoc, Instruction, with_documents};
use crate::error::Attempt;
use crate::tree::Tree;
use crate::{Error, Exit, Run};

/// Where programs are looked for unless the image says so.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Stages<'_, '_> {
    pub(super) fn command(
        &mut self,
        state: &mut State,
        instruction: &Instruction,
        command: &Command,
        documents: &[HereDoc],
        expanded: &dyn Fn(&str) -> Result<String, Error>,
        stage: usize,
    ) -> Result<(), Error> {
        let (mut mounts, mut network) = (Vec::new(), true);
        for flag in &instruction.flags {
            let value = expanded(flag.value.as_deref().unwrap_or_default())?;
            match (flag.name.as_str(), value.as_str()) {
                ("mount", _) => mounts.push(value),
                ("network", "none") => network = false,
                ("network", "default") | ("security", "sandbox") => {}
                (name, value) => return Err(Error::Refused(format!("RUN --{name}={value} is not supported"))),
            }
        }
        let tree = self.tree(state);
        let account = account(&tree, &state.config.user).map_err(Error::Refused)?;
        let mut config = state.config.clone();
        for (name, value) in &state.arguments {
            if !config.env.iter().any(|(known, _)| known == name) {
                config.set_env(name, value);
            }
        }
        for name in PROXIES {
            if let Some(value) = self.build.arguments.get(name) {
                config.set_env(name, value);
            }
        }
        for (name, value) in [("PATH", PATH), ("HOME", &account.home)] {
            if !config.env.iter().any(|(known, _)| known == name) {
                config.set_env(name, value);
            }
        }
        let script = script(command, documents, self.file.escape);
        let argv = match script {
            Some(_) => vec![SCRIPT.to_owned()],
            None => run_argv(command, documents, config.shell.as_deref(), self.file.escape),
        };
        let workdir = absolute(&config.workdir, "");
        if workdir != "/" {
            self.make_workdir(state, &workdir)?;
        }
        let mut wanted =
            Wanted::new(self.owner(), state.base, &state.layers, with_documents(&instruction.text, documents));
        wanted.add("the command", serde_json::to_vec(&argv).expect("plain data is written as JSON"));
        wanted.add("the user", format!("{}:{}", account.uid, account.gid));
        wanted.add("the working directory", &workdir);
        for (name, value) in &config.env {
            // A proxy changes how something is fetched, not what.
            if !PROXIES.contains(&name.as_str()) {
                wanted.add(format!("the variable {name}"), value);
            }
        }
        let tree = self.tree(state);
        for text in mounts.iter().filter(|text| !text.contains("type=") || text.contains("type=bind")) {
            self.add_bound(&mut wanted, text, stage)?;
        }
        let (base, layers) = (state.base, state.layers.clone());
        let failed = |exit: Exit, last_lines: Vec<String>| Error::Run {
            line: instruction.line,
            instruction: hidden(&instruction.text).into_owned(),
            exit,
            last_lines,
            left: None,
        };
        self.step(state, wanted, |stages, layer| {
            let mut mounts = Mounts::prepare(stages, &mounts, &workdir, stage)?;
            if let Some(script) = script {
                mounts.add_script(stages.store, script, SCRIPT)?;
            }
            let mut layers: Vec<PathBuf> = layers.iter().map(|digest| stages.store.layer_path(digest)).collect();
            let points = mount_points(stages.store, &tree, &mut mounts)?;
            let mut env = config.env;
            for (name, value) in std::mem::take(&mut mounts.env) {
                env.retain(|(known, _)| *known != name);
                env.push((name, value));
            }
            layers.extend(points.as_ref().map(|points| points.path.clone()));
            let run = Run {
                base,
                layers: &layers,
                changes: &layer.path,
                argv: &argv,
                env: &env,
                uid: account.uid,
                gid: account.gid,
                workdir: &workdir,
                mounts: &mounts.list,
                network,
            };
            let mut lines = Lines::new(stages.log, stages.secrets());
            let exit = stages.runner.run(&run, &mut |bytes| lines.add(bytes), stages.cancel);
            let last_lines = lines.finish();
            stages.cancel.check()?;
            match exit.attempt("running the command")? {
                Exit::Code(0) => Ok(()),
                exit => Err(failed(exit, last_lines)),
            }
        })
    }

    /// What a bound directory holds decides about a command as what is copied does.
    fn add_bound(&mut self, wanted: &mut Wanted, text: &str, stage: usize) -> Result<(), Error> {
        let field = |names: [&str; 2]| {
            text.split(',')
                .filter_map(|part| part.split_once('='))
                .find(|(name, _)| names.contains(name))
                .map(|found| found.1)
        };
        let files = self.files_of(field(["from", "from"]), stage)?;
        let mut copying = Copying::new(None, None);
        let nothing = Ignored::default();
        let choice =
            Choice { files: &files, excluded: &nothing, unpacks: false, parents: false, origin: "what is mounted" };
        let to = Destination { tree: &Tree::default(), path: "/", is_directory: true };
        copying.path(field(["source", "src"]).unwrap_or(""), &choice, &to)?;
        wanted.inputs.extend(copying.inputs()?.into_iter().map(|(name, content)| (format!("mounted {name}"), content)));
        Ok(())
    }
}
