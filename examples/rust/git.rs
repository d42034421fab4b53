//! Git: a repository cloned, changed, branched, pushed and pulled inside of a sandbox.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example git
//! ```

use daytona::model::{
    ExecOptions, FileUpload, GitCloneOptions, GitCommitOptions, GitDeleteBranchOptions, GitRemoteOptions, UploadOptions,
};
use daytona::{Client, Config, Result, Sandbox};

/// Makes a remote repository with one commit.
const PREPARE: &str = r##"set -e
git init --quiet --bare --initial-branch=main remote.git
git clone --quiet remote.git seed 2>/dev/null
cd seed
git checkout --quiet -B main
echo "# Demo" >README.md
git add README.md
git -c user.name=Ann -c user.email=ann@example.com commit --quiet --message "First commit"
git push --quiet origin main"##;

async fn clone(sandbox: &Sandbox) -> Result<()> {
    let prepared = sandbox.process().exec(PREPARE, ExecOptions::default()).await?;
    assert_eq!(prepared.exit_code, 0, "{}", prepared.result);
    let url = format!("file://{}/remote.git", sandbox.fs().get_user_home_dir().await?);
    // region: clone
    // For a private repository: username and password.
    let options = GitCloneOptions { branch: Some("main".into()), ..Default::default() };
    sandbox.git().clone(&url, "project", options).await?;
    // endregion
    Ok(())
}

async fn status_commit(sandbox: &Sandbox) -> Result<()> {
    // region: status-commit
    let file = FileUpload {
        destination: "project/main.py".into(),
        content: Some("print('hello')\n".into()),
        ..Default::default()
    };
    sandbox.fs().upload_file(file, UploadOptions::default()).await?;
    let status = sandbox.git().status("project").await?;
    for file in status.file_status {
        println!("{} {} {}", status.current_branch, file.name, file.worktree);
    }

    sandbox.git().add("project", vec!["main.py".into()]).await?;
    let options = GitCommitOptions::default();
    let commit = sandbox.git().commit("project", "Say hello", "Ann", "ann@example.com", options).await?;
    println!("committed {}", &commit.sha[..8]);
    // endregion
    Ok(())
}

async fn branches(sandbox: &Sandbox) -> Result<()> {
    // region: branches
    sandbox.git().create_branch("project", "experiment").await?;
    println!("{:?}", sandbox.git().branches("project").await?.branches);

    sandbox.git().checkout_branch("project", "main").await?;
    let force = GitDeleteBranchOptions { force: Some(true) };
    sandbox.git().delete_branch("project", "experiment", force).await?;
    // endregion
    Ok(())
}

async fn push_pull(sandbox: &Sandbox) -> Result<()> {
    // region: push-pull
    sandbox.git().push("project", GitRemoteOptions::default()).await?;
    sandbox.git().pull("project", GitRemoteOptions::default()).await?;
    let status = sandbox.git().status("project").await?;
    println!("ahead {:?} behind {:?}", status.ahead, status.behind);
    // endregion
    Ok(())
}

async fn history(sandbox: &Sandbox) -> Result<()> {
    // region: history
    for commit in sandbox.git().history("project").await? {
        println!("{} {} {}", &commit.hash[..8], commit.author, commit.message.trim());
    }
    // endregion
    Ok(())
}

async fn tour(sandbox: &Sandbox) -> Result<()> {
    clone(sandbox).await?;
    status_commit(sandbox).await?;
    branches(sandbox).await?;
    push_pull(sandbox).await?;
    history(sandbox).await
}

#[tokio::main]
async fn main() -> Result<()> {
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
