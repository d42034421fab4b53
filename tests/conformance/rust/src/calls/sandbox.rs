//! Operations on sandboxes.

use daytona::ops::Sandboxes;

use super::{Arguments, Called, unknown, value};

pub(super) async fn call(sandboxes: &Sandboxes, name: &str, args: &Arguments) -> Called {
    let id = || args.text("idOrName");
    match name {
        "create" => value(sandboxes.create(args.get("params")?, args.options()?).await?),
        "get" => value(sandboxes.get(&id()?).await?),
        "find_one" => value(sandboxes.find_one(args.options()?).await?),
        "list" => value(sandboxes.list(args.get("query")?).await?),
        "list_page" => value(sandboxes.list_page(args.options()?).await?),
        "start" => value(sandboxes.start(&id()?, args.options()?).await?),
        "stop" => value(sandboxes.stop(&id()?, args.options()?).await?),
        "delete" => value(sandboxes.delete(&id()?, args.options()?).await?),
        "wait_for_start" => value(sandboxes.wait_for_start(&id()?, args.options()?).await?),
        "wait_for_stop" => value(sandboxes.wait_for_stop(&id()?, args.options()?).await?),
        "archive" => value(sandboxes.archive(&id()?).await?),
        "recover" => value(sandboxes.recover(&id()?, args.options()?).await?),
        "set_labels" => value(sandboxes.set_labels(&id()?, args.get("labels")?).await?),
        "set_auto_stop_interval" => value(sandboxes.set_auto_stop_interval(&id()?, args.get("interval")?).await?),
        "set_auto_archive_interval" => value(sandboxes.set_auto_archive_interval(&id()?, args.get("interval")?).await?),
        "set_auto_delete_interval" => value(sandboxes.set_auto_delete_interval(&id()?, args.get("interval")?).await?),
        "refresh_activity" => value(sandboxes.refresh_activity(&id()?).await?),
        "update_network_settings" => value(sandboxes.update_network_settings(&id()?, args.get("settings")?).await?),
        "get_preview_link" => value(sandboxes.get_preview_link(&id()?, args.get("port")?).await?),
        "create_signed_preview_url" => {
            let (port, expires) = (args.get("port")?, args.get("expiresInSeconds")?);
            value(sandboxes.create_signed_preview_url(&id()?, port, expires).await?)
        }
        "expire_signed_preview_url" => {
            let (port, token) = (args.get("port")?, args.text("token")?);
            value(sandboxes.expire_signed_preview_url(&id()?, port, &token).await?)
        }
        _ => Err(unknown(name)),
    }
}
