//! `daytona sync`.

use std::time::Duration;

use clap::Args;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::failure::{Done, Failure};
use crate::interrupt::Signals;
use crate::output::{Format, FormatArguments, tell};
use crate::place::Place;
use crate::profile;
use crate::remote::{Context, Remote};
use crate::sync::{Changes, Notices, Pair, There};

/// How long changes may follow each other before they are looked at.
const REST: Duration = Duration::from_millis(100);
/// Passes after each other while conflicts are found.
const PASSES: usize = 3;
/// The shortest pause between two looks at the sandbox.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// Keep a directory of this machine and one of a sandbox the same, in both directions, without losing a file
#[derive(Debug, Args)]
pub struct Sync {
    /// Directory of this machine
    local: String,
    /// SANDBOX:PATH, or :PATH in the sandbox in use
    remote: Place,
    /// Go on until Ctrl-C: changes here are sent at once, those in the sandbox fetched after each interval
    #[arg(short, long)]
    watch: bool,
    /// Seconds between two comparisons with --watch
    #[arg(long, value_name = "SECONDS", default_value = "5", requires = "watch", value_parser = crate::seconds::read)]
    interval: Duration,
    /// Leave out entries that match this glob; may be given several times
    #[arg(short = 'x', long, value_name = "GLOB")]
    exclude: Vec<String>,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Sync {
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let Place::There { sandbox, path } = &self.remote else {
            return Err(Failure::usage("The second directory must be in a sandbox: SANDBOX:PATH."));
        };
        let mut signals = Signals::listen()?;
        let work = async {
            let sandbox = context.client.get(&profile::sandbox(sandbox.as_deref())?).await?;
            let there = There::open(sandbox.fs(), sandbox.process(), path).await?;
            Pair::open(&self.local, there, sandbox.id(), globs(&self.exclude)?)
        };
        let mut pair = tokio::select! {
            pair = work => pair?,
            number = signals.next() => return Err(Failure::Signal(number)),
        };
        let changes = to_its_end(&mut pair, &mut signals).await?;
        report(context, &changes)?;
        if !self.watch {
            return Ok(());
        }
        let mut notices = Notices::new()?;
        let mut watched = Changes::default();
        loop {
            pair.watch(&notices);
            // What was made before it was watched is found at once.
            if watched.is_empty() {
                tokio::select! {
                    number = signals.next() => return Err(Failure::Signal(number)),
                    () = notices.next() => tokio::time::sleep(REST).await,
                    () = tokio::time::sleep(self.interval.max(SHORTEST_INTERVAL)) => {}
                }
            }
            notices.forget();
            match to_its_end(&mut pair, &mut signals).await {
                Ok(changes) => {
                    if !changes.is_empty() {
                        report(context, &changes)?;
                    }
                    watched = changes;
                }
                // The next one may succeed, as when the network is back.
                Err(Failure::Api(error)) if error.info().retryable => {
                    tell(&format!("Not synchronized yet: {error}"));
                    watched = Changes::default();
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Compares and makes the same. An interrupt waits until that is done, so that nothing is half made; a second one does not.
async fn to_its_end(pair: &mut Pair, signals: &mut Signals) -> Done<Changes> {
    let mut work = std::pin::pin!(settled(pair));
    let number = tokio::select! {
        done = &mut work => return done,
        number = signals.next() => number,
    };
    tell("Ending when what is on its way is in place; interrupt again to end now.");
    tokio::select! {
        done = work => done.and(Err(Failure::Signal(number))),
        number = signals.next() => Err(Failure::Signal(number)),
    }
}

/// Passes until no conflict is new.
async fn settled(pair: &mut Pair) -> Done<Changes> {
    let mut all = pair.pass().await?;
    for _ in 1..PASSES {
        if all.conflicts.is_empty() {
            break;
        }
        let more = pair.pass().await?;
        let is_last = more.conflicts.is_empty();
        all.sent.extend(more.sent);
        all.fetched.extend(more.fetched);
        all.removed_here.extend(more.removed_here);
        all.removed_there.extend(more.removed_there);
        all.conflicts.extend(more.conflicts);
        all.left_out.extend(more.left_out);
        if is_last {
            break;
        }
    }
    Ok(all)
}

fn report(context: &mut Context, changes: &Changes) -> Done {
    for path in &changes.left_out {
        context.output.note(format!("left out: {path}"));
    }
    for path in &changes.conflicts {
        context.output.note(format!("both sides had changed it; the other one is {path}"));
    }
    context.output.result(changes, || {
        let lists = [
            ("sent", &changes.sent),
            ("fetched", &changes.fetched),
            ("removed in the sandbox", &changes.removed_there),
            ("removed here", &changes.removed_here),
        ];
        let lines = lists.iter().flat_map(|(what, paths)| paths.iter().map(move |path| format!("{what}: {path}\n")));
        let lines: String = lines.map(|line| crate::output::printable(&line)).collect();
        if lines.is_empty() { "nothing to do\n".to_owned() } else { lines }
    })
}

fn globs(given: &[String]) -> Done<GlobSet> {
    let mut globs = GlobSetBuilder::new();
    for glob in given {
        let plain = glob.strip_prefix("./").unwrap_or(glob).trim_matches('/');
        let compiled = GlobBuilder::new(plain).literal_separator(true).build();
        globs.add(compiled.map_err(|error| Failure::usage(format!("--exclude {glob}: {error}")))?);
    }
    globs.build().map_err(|error| Failure::usage(format!("--exclude: {error}")))
}
