//! Users and groups of an image, by name or number.

use std::path::Path;

use crate::tree::Tree;

/// Whom a command runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: String,
}

/// The account of `user`, `user:group` or numbers; root for an empty text.
pub(super) fn account(tree: &Tree, user: &str) -> Result<Account, String> {
    let (user, group) = user.split_once(':').map_or((user, None), |(user, group)| (user, Some(group)));
    let passwd = tree.text(Path::new("etc/passwd")).unwrap_or_default();
    let user = if user.is_empty() { "0" } else { user };
    let number = user.parse::<u32>().ok();
    let row = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| {
        fields.len() >= 6 && (fields[0] == user || number.is_some() && fields[2].parse().ok() == number)
    });
    let fallback = || "/".to_owned();
    let (uid, mut gid, home) = match (row, number) {
        (Some(fields), _) => {
            let id = |field: &str| field.parse::<u32>().map_err(|_| format!("/etc/passwd has no number for {user}"));
            (id(fields[2])?, id(fields[3])?, fields[5].to_owned())
        }
        // An image without a list of accounts has an administrator all the same.
        (None, Some(0)) => (0, 0, "/root".to_owned()),
        (None, None) if user == "root" => (0, 0, "/root".to_owned()),
        (None, Some(number)) => (number, 0, fallback()),
        (None, None) => return Err(format!("the image has no user {user:?} in /etc/passwd")),
    };
    if let Some(group) = group {
        gid = self::group(tree, group)?;
    }
    // The kernel takes this number for "as before".
    if uid == u32::MAX || gid == u32::MAX {
        return Err(format!("{} is not the number of a user or a group", u32::MAX));
    }
    Ok(Account { uid, gid, home })
}

fn group(tree: &Tree, group: &str) -> Result<u32, String> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    if group == "root" {
        return Ok(0);
    }
    let text = tree.text(Path::new("etc/group")).unwrap_or_default();
    let rows = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = rows.filter(|fields| fields.len() >= 3 && fields[0] == group).find_map(|fields| fields[2].parse().ok());
    found.ok_or_else(|| format!("the image has no group {group:?} in /etc/group"))
}

/// The owner that `--chown` asks for. A user alone is a group of the same number or of their account.
pub(super) fn owner(tree: &Tree, text: &str) -> Result<(u32, u32), String> {
    if let (Ok(number), false) = (text.parse::<u32>(), text.contains(':')) {
        return Ok((number, number));
    }
    account(tree, text).map(|account| (account.uid, account.gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_the_kernel_takes_for_no_change_are_nobody() {
        let tree = Tree::default();
        assert_eq!(account(&tree, "7:8").unwrap(), Account { uid: 7, gid: 8, home: "/".to_owned() });
        for user in ["4294967295", "7:4294967295"] {
            assert!(account(&tree, user).is_err(), "{user}");
        }
    }
}
