//! A PostgreSQL server of a test's own: as an ordinary user, on a Unix socket in a temporary directory.

#![allow(dead_code)]

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(120);

/// `nobody` and `nogroup`: the server refuses to be root.
const ORDINARY: u32 = 65534;

/// A server that ends with the test.
pub struct Server {
    directory: tempfile::TempDir,
    process: Option<Child>,
}

impl Server {
    /// A new server without contents.
    pub fn start() -> Self {
        // Not in a directory of root's, and with a short name: it is part of a socket's.
        let directory = tempfile::tempdir_in("/tmp").expect("a directory");
        if is_root() {
            chown(directory.path(), Some(ORDINARY), Some(ORDINARY)).expect("root may");
        }
        let made = command("initdb")
            .args(["--no-sync", "--auth=trust", "--username=test", "--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(directory.path().join("data"))
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Self { directory, process: None };
        server.resume();
        server
    }

    /// The address of its database, for a replica.
    pub fn address(&self) -> String {
        format!("host={} user=test dbname=postgres connect_timeout=30", self.directory.path().display())
    }

    /// Starts it again, with what it had.
    pub fn resume(&mut self) {
        let deadline = Instant::now() + LIMIT;
        self.process = Some(self.spawn());
        while !self.answers() {
            let log = || std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "{}", log());
            std::thread::sleep(Duration::from_millis(20));
            // It refuses to start until the last process of one that was killed has noticed.
            if self.process.as_mut().is_some_and(|process| process.try_wait().is_ok_and(|ended| ended.is_some())) {
                self.process = Some(self.spawn());
            }
        }
    }

    fn spawn(&self) -> Child {
        let log = std::fs::File::create(self.directory.path().join("log")).expect("a file");
        let mut server = command("postgres");
        // Its data need not survive a loss of power.
        server.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50", "-k"]);
        server.arg(self.directory.path()).arg("-D").arg(self.directory.path().join("data"));
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        server.spawn().expect("postgres runs")
    }

    fn answers(&self) -> bool {
        let path = self.directory.path();
        let asked = command("pg_isready").arg("-q").arg("-h").arg(path).args(["-U", "test", "-d", "postgres"]).status();
        asked.is_ok_and(|status| status.success())
    }

    /// Ends it as `kill -9` would, without a word to anybody. The processes of its connections would end the transaction that they are
    /// in, so they are killed as well.
    pub fn crash(&mut self) {
        let own = self.process.as_ref().map(|process| process.id().to_string()).unwrap_or_default();
        let children = Command::new("pgrep").args(["-P", &own]).output().expect("pgrep runs");
        self.end("KILL");
        for child in String::from_utf8_lossy(&children.stdout).split_whitespace() {
            let _ = Command::new("kill").args(["-s", "KILL", child]).status();
        }
    }

    fn end(&mut self, signal: &str) {
        if let Some(mut process) = self.process.take() {
            let _ = Command::new("kill").args(["-s", signal, &process.id().to_string()]).status();
            let _ = process.wait();
        }
    }

    /// Runs SQL, and answers with what it prints.
    pub fn sql(&self, statement: &str) -> String {
        let output = command("psql")
            .arg("-h")
            .arg(self.directory.path())
            .args(["-U", "test", "-d", "postgres", "-qtA", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .output()
            .expect("psql runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // At once: nobody wants its data.
        self.end("QUIT");
    }
}

/// One of PostgreSQL's programs, as an ordinary user. It goes with the test, whatever becomes of that.
fn command(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.arg(format!("--reuid={ORDINARY}")).arg(format!("--regid={ORDINARY}")).arg("--clear-groups");
    }
    command.arg(programs().join(name)).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Where Debian's package has the programs of the newest version.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL's server is missing: scripts/test-postgres says how to install it");
    let directories = versions.flatten().map(|version| version.path().join("bin"));
    let mut found: Vec<_> = directories.filter(|directory| Path::new(&directory.join("postgres")).exists()).collect();
    found.sort();
    found.pop().expect("PostgreSQL's server is missing: scripts/test-postgres says how to install it")
}
