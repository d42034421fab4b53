//! `daytona volume`.

use clap::Subcommand;
use daytona::Client;
use daytona::model::Volume as Info;
use serde_json::json;

use crate::failure::Done;
use crate::output::{Format, FormatArguments, ShortFormatArguments, Table, ago, printable, word};
use crate::remote::{Context, Remote};

/// Commands about volumes.
#[derive(Debug, Subcommand)]
pub enum Volume {
    /// Create a volume
    #[command(visible_aliases = ["add", "new"])]
    Create {
        /// Name of the volume
        #[arg(value_name = "NAME")]
        name: String,
        /// Size in GiB; no effect: a volume grows as it is written to
        #[arg(short, long, value_name = "GIB", default_value_t = 10)]
        size: u32,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Delete a volume and its files
    #[command(visible_aliases = ["remove", "rm"])]
    Delete {
        /// Id or name of the volume
        #[arg(value_name = "VOLUME")]
        volume: String,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Show a volume
    Get {
        /// Id or name of the volume
        #[arg(value_name = "VOLUME")]
        volume: String,
        #[command(flatten)]
        format: ShortFormatArguments,
    },
    /// List the volumes
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        format: ShortFormatArguments,
    },
}

impl Remote for Volume {
    fn format(&self) -> Format {
        match self {
            Self::Create { format, .. } | Self::Delete { format, .. } => format.chosen(),
            Self::Get { format, .. } | Self::List { format } => format.chosen(),
        }
    }

    async fn run(self, context: &mut Context) -> Done {
        let volumes = context.client.volumes();
        match self {
            Self::Create { name, size: _, .. } => {
                let created = volumes.create(&name).await?;
                context.output.result(&created, || format!("{}\n", printable(&created.id)))
            }
            Self::Delete { volume, .. } => {
                let found = find(&context.client, &volume).await?;
                let name = found.name.clone();
                volumes.delete(found).await?;
                context.output.result(&json!({ "deleted": [name] }), || format!("deleted {}\n", printable(&name)))
            }
            Self::Get { volume, .. } => {
                let found = find(&context.client, &volume).await?;
                context.output.result(&found, || fields(&found))
            }
            Self::List { .. } => {
                let all = volumes.list().await?;
                context.output.result(&all, || {
                    let mut table = Table::new(&["ID", "NAME", "STATE", "CREATED", "LAST USED"]);
                    for volume in &all {
                        let (created, used) = times(volume);
                        table.row([volume.id.clone(), volume.name.clone(), word(&volume.state), created, used]);
                    }
                    table.text()
                })
            }
        }
    }
}

/// The volume with this id or name. Volumes are few: one list has all of them.
async fn find(client: &Client, id_or_name: &str) -> Done<Info> {
    let all = client.volumes().list().await?;
    match all.into_iter().find(|volume| volume.id == id_or_name || volume.name == id_or_name) {
        Some(volume) => Ok(volume),
        None => Ok(client.volumes().get(id_or_name, Default::default()).await?),
    }
}

fn times(volume: &Info) -> (String, String) {
    (ago(Some(&volume.created_at)), ago(volume.last_used_at.as_deref()))
}

fn fields(volume: &Info) -> String {
    let mut table = Table::new(&[]);
    let (created, used) = times(volume);
    let rows = [
        ("Id", volume.id.clone()),
        ("Name", volume.name.clone()),
        ("State", word(&volume.state)),
        ("Reason", volume.error_reason.clone().unwrap_or_default()),
        ("Created", created),
        ("Last used", used),
    ];
    for (name, value) in rows {
        table.row([name.to_owned(), value]);
    }
    table.fields()
}
