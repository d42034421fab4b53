//! Git repositories.

use daytona::ops::Git;

use super::{Arguments, Called, unknown, value};

pub(super) async fn call(git: &Git, name: &str, args: &Arguments) -> Called {
    let path = &args.text("path")?;
    let branch = || args.text("name");
    match name {
        "clone" => value(git.clone(&args.text("url")?, path, args.options()?).await?),
        "status" => value(git.status(path).await?),
        "add" => value(git.add(path, args.get("files")?).await?),
        "commit" => {
            let (message, author, email) = (args.text("message")?, args.text("author")?, args.text("email")?);
            value(git.commit(path, &message, &author, &email, args.options()?).await?)
        }
        "push" => value(git.push(path, args.options()?).await?),
        "pull" => value(git.pull(path, args.options()?).await?),
        "branches" => value(git.branches(path).await?),
        "create_branch" => value(git.create_branch(path, &branch()?).await?),
        "checkout_branch" => value(git.checkout_branch(path, &args.text("branch")?).await?),
        "delete_branch" => value(git.delete_branch(path, &branch()?, args.options()?).await?),
        "history" => value(git.history(path).await?),
        _ => Err(unknown(name)),
    }
}
