//! The user of a sandbox made from an image, found in the image's own list of accounts.
//!
//! The sandbox's first process looks, when the image's root is all there is to see. The files are the image's: they may be
//! anything, of any size.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, lchown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use nix::libc;

use super::image_root::Inside;
use super::spec::{IsolationLevel, LaunchSpec, SandboxUser};
use super::users::LAST_ID;

/// The most of a list of accounts that is read.
const MOST_BYTES: u64 = 1 << 20;

/// The user of an image that names none.
const ROOT: &str = "root";

/// An account as processes have it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    name: String,
    user: SandboxUser,
    home: PathBuf,
    shell: Option<String>,
}

/// Gives the processes of an image's sandbox their user, its home, and their directory.
pub fn settle(spec: &mut LaunchSpec) -> Result<()> {
    match spec.ids {
        Some(ids) => ids.as_inner_root(|| settle_as_root(spec))?,
        None => settle_as_root(spec),
    }
}

fn settle_as_root(spec: &mut LaunchSpec) -> Result<()> {
    let Some(inside) = spec.image.clone() else { return Ok(()) };
    let [users, groups] = ["/etc/passwd", "/etc/group"].map(|path| read_list(Path::new(path)));
    let mut account = find(&inside.user, &users, &groups)?;
    if spec.level == IsolationLevel::UserNamespaces {
        // There is only one user, whom it takes for its own.
        account.user = spec.user.clone();
    }
    let outside = |id| spec.ids.map_or(id, |ids| ids.outside(id));
    // Programs expect a home, and the toolbox keeps what it writes down in it. One that cannot be made is missed by those only
    // that use it.
    for directory in [account.home.clone(), account.home.join(".daytona")] {
        make_own(&directory, outside(account.user.uid), outside(account.user.gid));
    }
    spec.work_dir = Some(work_dir(&inside, &account));
    for (name, value) in variables(&account) {
        if !inside.fixed.contains(&name) {
            spec.env.insert(name, value);
        }
    }
    spec.home = account.home;
    spec.user = account.user;
    Ok(())
}

fn variables(account: &Account) -> BTreeMap<String, String> {
    let home = account.home.to_string_lossy().into_owned();
    let mut variables = BTreeMap::from([
        ("HOME".to_owned(), home),
        ("USER".to_owned(), account.name.clone()),
        ("LOGNAME".to_owned(), account.name.clone()),
    ]);
    if let Some(shell) = account.shell.clone().filter(|shell| Path::new(shell).exists() && !is_no_shell(shell)) {
        variables.insert("SHELL".to_owned(), shell);
    }
    variables
}

/// Accounts of services have programs for shells that end at once.
fn is_no_shell(shell: &str) -> bool {
    shell.ends_with("/nologin") || shell.ends_with("/false")
}

/// A text file of the image, as far as it can be read without waiting.
fn read_list(path: &Path) -> String {
    let opened = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let Ok(file) = opened else { return String::new() };
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return String::new();
    }
    let mut bytes = Vec::new();
    let _ = file.take(MOST_BYTES).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields of those lines that have so many.
fn entries(list: &str, fields: usize) -> impl Iterator<Item = Vec<&str>> {
    list.lines().map(|line| line.split(':').collect::<Vec<_>>()).filter(move |entry| entry.len() >= fields)
}

fn find(wanted: &str, users: &str, groups: &str) -> Result<Account> {
    let (user, group) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (wanted, None),
    };
    let user = if user.is_empty() { ROOT } else { user };
    let known = entries(users, 6).find(|entry| entry[0] == user || (user.parse::<u32>().is_ok() && entry[2] == user));
    let mut account = match known {
        Some(entry) => Account {
            name: entry[0].to_owned(),
            user: SandboxUser { uid: number(entry[2], "user")?, gid: number(entry[3], "group")?, groups: Vec::new() },
            home: Some(entry[5]).filter(|home| home.starts_with('/')).unwrap_or("/").into(),
            shell: entry.get(6).map(|shell| (*shell).to_owned()),
        },
        None => unlisted(user)?,
    };
    match group.filter(|group| !group.is_empty()) {
        Some(group) => account.user.gid = find_group(group, groups)?,
        None => account.user.groups = groups_of(&account.name, account.user.gid, groups),
    }
    // The kernel takes this number for "as before", which is the engine's own user.
    let is_none = |id: u32| id == u32::MAX;
    if is_none(account.user.uid) || is_none(account.user.gid) {
        bail!("{} is not the number of a user or a group", u32::MAX);
    }
    for id in [account.user.uid, account.user.gid] {
        check_id(id)?;
    }
    account.user.groups.retain(|group| check_id(*group).is_ok());
    Ok(account)
}

/// Fails for ids that sandboxes do not have; one of those is the toolbox's, which no program inside may have.
pub fn check_id(id: u32) -> Result<()> {
    if id > LAST_ID {
        bail!("{id} is not the number of a user or a group of a sandbox: those are 0 to {LAST_ID}");
    }
    Ok(())
}

/// A user that the image has no entry for: a number, or the administrator, whom there always is.
fn unlisted(user: &str) -> Result<Account> {
    let id = match user.parse::<u32>() {
        Ok(id) => id,
        Err(_) if user == ROOT => 0,
        Err(_) => bail!("the image has no user {user}: name one of its /etc/passwd, or a number"),
    };
    let home = if id == 0 { "/root" } else { "/" };
    let user = SandboxUser { uid: id, gid: id, groups: Vec::new() };
    Ok(Account { name: if id == 0 { ROOT.to_owned() } else { id.to_string() }, user, home: home.into(), shell: None })
}

fn find_group(group: &str, groups: &str) -> Result<u32> {
    let listed = entries(groups, 3).find(|entry| entry[0] == group);
    match listed {
        Some(entry) => number(entry[2], "group"),
        None => group.parse().map_err(|_| anyhow!("the image has no group {group}")),
    }
}

/// The further groups that a user is in.
fn groups_of(user: &str, own: u32, groups: &str) -> Vec<u32> {
    let has = |entry: &Vec<&str>| entry[3].split(',').any(|member| member == user);
    let mut ids: Vec<u32> = entries(groups, 4).filter(has).filter_map(|entry| entry[2].parse().ok()).collect();
    ids.retain(|id| *id != own);
    // No more than every kernel takes.
    ids.truncate(32);
    ids
}

fn number(text: &str, what: &str) -> Result<u32> {
    text.trim().parse().with_context(|| format!("the image's {what} id {text:?} is not a number"))
}

/// Makes a directory of the user's, if nothing is there.
fn make_own(directory: &Path, uid: u32, gid: u32) {
    if fs::symlink_metadata(directory).is_err() && fs::create_dir_all(directory).is_ok() {
        let _ = lchown(directory, Some(uid), Some(gid));
    }
}

/// The image's working directory, or the root where something else is in its place.
fn work_dir(inside: &Inside, account: &Account) -> PathBuf {
    let path = match inside.work_dir.as_str() {
        "" => account.home.clone(),
        path => Path::new("/").join(path),
    };
    if path.is_dir() || fs::create_dir_all(&path).is_ok() { path } else { PathBuf::from("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str =
        "root:x:0:0:root:/root:/bin/ash\napp:x:1001:1002:,,,:/srv/app:/sbin/nologin\nodd:x:many:0::/:\n";
    const GROUPS: &str = "root:x:0:\nweb:x:33:app,other\napp:x:1002:app\n";

    #[test]
    fn users_are_found_as_image_builders_name_them() {
        let found = |wanted: &str| {
            let account = find(wanted, USERS, GROUPS).map_err(|error| error.to_string())?;
            let SandboxUser { uid, gid, groups } = account.user;
            Ok((uid, gid, groups, account.home.to_string_lossy().into_owned()))
        };
        assert_eq!(found(""), Ok((0, 0, vec![], "/root".to_owned())));
        assert_eq!(found("app"), Ok((1001, 1002, vec![33], "/srv/app".to_owned())));
        assert_eq!(found("1001"), found("app"));
        assert_eq!(found("app:web"), Ok((1001, 33, vec![], "/srv/app".to_owned())));
        assert_eq!(found("7:8"), Ok((7, 8, vec![], "/".to_owned())));
        assert_eq!(
            found("nobody"),
            Err("the image has no user nobody: name one of its /etc/passwd, or a number".to_owned())
        );
        assert_eq!(found("app:nobody"), Err("the image has no group nobody".to_owned()));
        assert_eq!(found("odd"), Err("the image's user id \"many\" is not a number".to_owned()));
        for wanted in ["4294967295", "7:4294967295"] {
            let error = "4294967295 is not the number of a user or a group".to_owned();
            assert_eq!(found(wanted), Err(error));
        }
        for wanted in ["65536", "7:65536", "65535"] {
            assert!(found(wanted).unwrap_err().contains("0 to 65534"), "{wanted}");
        }
        assert!(found("65534").is_ok());
        // An image without accounts has an administrator all the same.
        assert_eq!(find("", "", "").unwrap().home, Path::new("/root"));
    }
}
