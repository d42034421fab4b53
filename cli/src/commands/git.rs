//! `daytona git`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use daytona::model::{GitCloneOptions, GitCommitOptions, GitDeleteBranchOptions, GitRemoteOptions};
use daytona::ops;
use serde_json::json;

use crate::failure::Done;
use crate::output::{Format, FormatArguments, Table, printable};
use crate::place::RemotePath;
use crate::remote::{Context, Remote};
use crate::stdin;

/// Commands about git repositories.
#[derive(Debug, Subcommand)]
pub enum Git {
    /// Clone a repository; credentials are not stored in the sandbox
    Clone {
        /// URL of the repository
        url: String,
        #[command(flatten)]
        at: Repository,
        #[command(flatten)]
        credentials: Credentials,
        /// Branch to check out [default: the remote's]
        #[arg(short, long)]
        branch: Option<String>,
        /// Commit to check out, without a branch
        #[arg(long)]
        commit: Option<String>,
        /// Number of commits to fetch [default: all]
        #[arg(long)]
        depth: Option<i64>,
    },
    /// Show the branch and the changed files
    Status(Repository),
    /// Stage files
    Add {
        #[command(flatten)]
        at: Repository,
        /// Paths in the repository
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Commit what is staged
    Commit {
        #[command(flatten)]
        at: Repository,
        /// Message of the commit
        #[arg(short, long)]
        message: String,
        /// Name of the author
        #[arg(long)]
        author: String,
        /// E-mail address of the author
        #[arg(long)]
        email: String,
        /// Allow a commit without changes
        #[arg(long)]
        allow_empty: bool,
    },
    /// Push the current branch
    Push {
        #[command(flatten)]
        at: Repository,
        #[command(flatten)]
        credentials: Credentials,
    },
    /// Pull the current branch
    Pull {
        #[command(flatten)]
        at: Repository,
        #[command(flatten)]
        credentials: Credentials,
    },
    /// List branches
    Branches(Repository),
    /// Create a branch, or delete it with --delete
    Branch {
        #[command(flatten)]
        at: Repository,
        /// Name of the branch
        name: String,
        /// Delete it instead
        #[arg(short, long)]
        delete: bool,
    },
    /// Check out a branch
    Checkout {
        #[command(flatten)]
        at: Repository,
        /// Name of the branch
        branch: String,
    },
    /// List commits, newest first
    Log(Repository),
}

/// A repository, and how the result is printed.
#[derive(Debug, Args)]
pub struct Repository {
    /// SANDBOX:PATH of the repository, or PATH in the sandbox in use
    path: RemotePath,
    #[command(flatten)]
    format: FormatArguments,
}

/// Credentials at the remote.
#[derive(Debug, Args)]
pub struct Credentials {
    /// User name at the remote
    #[arg(long, requires = "password_stdin")]
    username: Option<String>,
    /// Read the password or token from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

impl Credentials {
    async fn password(&self) -> Done<Option<String>> {
        if self.password_stdin { stdin::secret("Password or token").await.map(Some) } else { Ok(None) }
    }

    async fn remote(&self) -> Done<GitRemoteOptions> {
        let password = self.password().await?;
        Ok(GitRemoteOptions { username: self.username.clone(), password, ..Default::default() })
    }
}

impl Git {
    fn at(&self) -> &Repository {
        match self {
            Self::Status(at) | Self::Branches(at) | Self::Log(at) => at,
            Self::Clone { at, .. }
            | Self::Add { at, .. }
            | Self::Commit { at, .. }
            | Self::Push { at, .. }
            | Self::Pull { at, .. }
            | Self::Branch { at, .. }
            | Self::Checkout { at, .. } => at,
        }
    }
}

impl Remote for Git {
    fn format(&self) -> Format {
        self.at().format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let (sandbox, path) = (self.at().path.sandbox()?, self.at().path.path.clone());
        let git: ops::Git = context.client.get(&sandbox).await?.git();
        match self {
            Self::Clone { url, credentials, branch, commit, depth, .. } => {
                let options = GitCloneOptions {
                    username: credentials.username.clone(),
                    password: credentials.password().await?,
                    branch,
                    commit_id: commit,
                    depth,
                    ..Default::default()
                };
                let progress = context.output.progress("cloning");
                git.clone(&url, &path, options).await?;
                drop(progress);
                done(context, &path)
            }
            Self::Status(_) => {
                let status = git.status(&path).await?;
                context.output.result(&status, || {
                    let mut text = format!("On {}\n", printable(&status.current_branch));
                    for file in &status.file_status {
                        let _ = writeln!(text, "{}  {}", printable(&file.status), printable(&file.name));
                    }
                    text
                })
            }
            Self::Add { files, .. } => {
                git.add(&path, files).await?;
                done(context, &path)
            }
            Self::Commit { message, author, email, allow_empty, .. } => {
                let options = GitCommitOptions { allow_empty: Some(allow_empty) };
                let made = git.commit(&path, &message, &author, &email, options).await?;
                context.output.result(&made, || format!("{}\n", printable(&made.sha)))
            }
            Self::Push { credentials, .. } => {
                git.push(&path, credentials.remote().await?).await?;
                done(context, &path)
            }
            Self::Pull { credentials, .. } => {
                git.pull(&path, credentials.remote().await?).await?;
                done(context, &path)
            }
            Self::Branches(_) => {
                let list = git.branches(&path).await?;
                context.output.result(&list, || {
                    let mark = |name: &String| if Some(name) == list.current.as_ref() { '*' } else { ' ' };
                    list.branches.iter().map(|name| format!("{} {}\n", mark(name), printable(name))).collect()
                })
            }
            Self::Branch { name, delete, .. } => {
                if delete {
                    git.delete_branch(&path, &name, GitDeleteBranchOptions::default()).await?;
                } else {
                    git.create_branch(&path, &name).await?;
                }
                done(context, &path)
            }
            Self::Checkout { branch, .. } => {
                git.checkout_branch(&path, &branch).await?;
                done(context, &path)
            }
            Self::Log(_) => {
                let commits = git.history(&path).await?;
                context.output.result(&commits, || {
                    let mut table = Table::new(&["COMMIT", "AUTHOR", "TIME", "MESSAGE"]);
                    for commit in &commits {
                        let hash: String = commit.hash.chars().take(10).collect();
                        let title = commit.message.lines().next().unwrap_or_default();
                        table.row([&hash, &commit.author, &commit.timestamp, title]);
                    }
                    table.text()
                })
            }
        }
    }
}

/// Nothing to tell people; programs get the path.
fn done(context: &mut Context, path: &str) -> Done {
    context.output.result(&json!({ "path": path }), String::new)
}
