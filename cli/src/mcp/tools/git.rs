//! Git repositories.

use std::fmt::Write as _;

use daytona::model::{GitCloneOptions, GitCommitOptions, GitRemoteOptions};
use serde_json::json;

use super::{Access, ID, Kind, Report, Tool, optional, required, run};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply::{Refusal, Reply};
use crate::mcp::server::Server;

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "git_clone",
        title: "Git clone",
        set: "default",
        access: Access::Writes,
        description: "Clone a git repository; credentials are not stored.",
        parameters: &[
            required("url", Kind::Text, ""),
            optional("path", Kind::Text, "Directory, default: the repository's name"),
            optional("branch", Kind::Text, ""),
            optional("commitId", Kind::Text, ""),
            optional("username", Kind::Text, ""),
            optional("password", Kind::Text, "Or token"),
            ID,
        ],
        run: run!(clone),
    },
    Tool {
        name: "git_status",
        title: "Git status",
        set: "git",
        access: Access::Reads,
        description: "Branch and changed files of a repository.",
        parameters: &[required("path", Kind::Text, ""), ID],
        run: run!(status),
    },
    Tool {
        name: "git_commit",
        title: "Git commit",
        set: "git",
        access: Access::Writes,
        description: "Stage files and commit them.",
        parameters: &[
            required("path", Kind::Text, ""),
            required("message", Kind::Text, ""),
            required("author", Kind::Text, ""),
            required("email", Kind::Text, ""),
            optional("files", Kind::Strings, "Default: everything"),
            ID,
        ],
        run: run!(commit),
    },
    Tool {
        name: "git_push",
        title: "Git push",
        set: "git",
        access: Access::Destroys,
        description: "Push the current branch.",
        parameters: &[
            required("path", Kind::Text, ""),
            optional("username", Kind::Text, ""),
            optional("password", Kind::Text, "Or token"),
            ID,
        ],
        run: run!(push),
    },
    Tool {
        name: "git_pull",
        title: "Git pull",
        set: "git",
        access: Access::Destroys,
        description: "Pull the current branch.",
        parameters: &[
            required("path", Kind::Text, ""),
            optional("username", Kind::Text, ""),
            optional("password", Kind::Text, "Or token"),
            ID,
        ],
        run: run!(pull),
    },
    Tool {
        name: "git_checkout",
        title: "Git checkout",
        set: "git",
        access: Access::Destroys,
        description: "Check out a branch.",
        parameters: &[
            required("path", Kind::Text, ""),
            required("branch", Kind::Text, ""),
            optional("create", Kind::Flag, "Create it first"),
            ID,
        ],
        run: run!(checkout),
    },
];

async fn clone(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let url = arguments.text("url")?;
    let path = arguments.optional_name("path")?.unwrap_or_else(|| name_of(&url));
    let options = GitCloneOptions {
        branch: arguments.optional_name("branch")?,
        commit_id: arguments.optional_name("commitId")?,
        username: arguments.optional_name("username")?,
        password: arguments.optional_name("password")?,
        ..Default::default()
    };
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    sandbox.git().clone(&url, &path, options).await?;
    Ok(Reply::new(format!("Cloned into {path}."), json!({ "path": path })))
}

/// The directory that git itself would choose.
fn name_of(url: &str) -> String {
    let last = url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    match last.strip_suffix(".git").unwrap_or(last) {
        "" | "." | ".." => "repository".to_owned(),
        name => name.to_owned(),
    }
}

async fn status(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let path = arguments.text("path")?;
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let status = sandbox.git().status(&path).await?;
    let mut text = format!("On {}\n", status.current_branch);
    for file in &status.file_status {
        let _ = writeln!(text, "{} {}", file.status, file.name);
    }
    Ok(Reply::new(text, status))
}

async fn commit(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let path = arguments.text("path")?;
    let (message, author) = (arguments.text("message")?, arguments.text("author")?);
    let email = arguments.text("email")?;
    let files = arguments.structure::<Vec<String>>("files", "a list of paths")?;
    let git = server.sandbox(arguments.optional_name("id")?.as_deref()).await?.git();
    git.add(&path, files.unwrap_or_else(|| vec![".".to_owned()])).await?;
    let made = git.commit(&path, &message, &author, &email, GitCommitOptions::default()).await?;
    Ok(Reply::new(format!("Committed {}.", made.sha), made))
}

async fn push(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let path = arguments.text("path")?;
    let options = remote(&arguments)?;
    server.sandbox(arguments.optional_name("id")?.as_deref()).await?.git().push(&path, options).await?;
    Ok(Reply::new("Pushed.", json!({ "path": path })))
}

async fn pull(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let path = arguments.text("path")?;
    let options = remote(&arguments)?;
    server.sandbox(arguments.optional_name("id")?.as_deref()).await?.git().pull(&path, options).await?;
    Ok(Reply::new("Pulled.", json!({ "path": path })))
}

async fn checkout(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (path, branch) = (arguments.text("path")?, arguments.text("branch")?);
    let git = server.sandbox(arguments.optional_name("id")?.as_deref()).await?.git();
    if arguments.flag("create")?.unwrap_or(false) {
        git.create_branch(&path, &branch).await?;
    }
    git.checkout_branch(&path, &branch).await?;
    Ok(Reply::new(format!("On {branch}."), json!({ "path": path, "branch": branch })))
}

fn remote(arguments: &Arguments) -> Result<GitRemoteOptions, Refusal> {
    Ok(GitRemoteOptions {
        username: arguments.optional_name("username")?,
        password: arguments.optional_name("password")?,
        ..Default::default()
    })
}
