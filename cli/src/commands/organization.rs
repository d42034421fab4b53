//! `daytona organization`.

use clap::{Args, Subcommand};
use daytona::Client;
use daytona::model::Json;
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments, ShortFormatArguments, Table, printable};
use crate::profile::Profiles;
use crate::remote::{Context, Remote};

/// Commands about organizations.
#[derive(Debug, Subcommand)]
pub enum Organization {
    /// List the organizations you are a member of
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        format: ShortFormatArguments,
    },
    /// Create an organization and use it
    Create {
        /// Name of the organization
        #[arg(value_name = "ORGANIZATION_NAME")]
        name: String,
        /// Default region of the organization, by id or name
        #[arg(short, long)]
        region: Option<String>,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Choose the organization of the commands to come
    Use(Named),
    /// Delete an organization; its sandboxes have to be deleted before
    #[command(visible_aliases = ["remove", "rm"])]
    Delete(Named),
}

/// An organization.
#[derive(Debug, Args)]
pub struct Named {
    /// Id or name of the organization
    organization: String,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Organization {
    fn format(&self) -> Format {
        match self {
            Self::List { format } => format.chosen(),
            Self::Create { format, .. } => format.chosen(),
            Self::Use(named) | Self::Delete(named) => named.format.chosen(),
        }
    }

    async fn run(self, context: &mut Context) -> Done {
        let client = context.client.clone();
        match self {
            Self::List { .. } => {
                let all = all(&client).await?;
                let in_use = Profiles::load()?.organization;
                context.output.result(&all, || text(&all, in_use.as_deref()))
            }
            Self::Create { name, region, .. } => {
                let region = match region {
                    Some(region) => Some(region_id(&client, &region).await?),
                    None => None,
                };
                let body = json!({"name": name, "defaultRegionId": region.unwrap_or_default()});
                let created = ask(&client, "POST", "/organizations", Some(&body)).await?;
                remember(created["id"].as_str())?;
                context.output.result(&created, || format!("{}\n", word(&created, "id")))?;
                context.output.note(format!("Commands use {} from now on.", word(&created, "name")));
                Ok(())
            }
            Self::Use(Named { organization, .. }) => {
                let found = find(&client, &organization).await?;
                remember(found["id"].as_str())?;
                context.output.result(&found, || format!("{}\n", word(&found, "name")))
            }
            Self::Delete(Named { organization, .. }) => {
                let found = find(&client, &organization).await?;
                let id = found["id"].as_str().unwrap_or_default().to_owned();
                client.send("DELETE", &format!("/organizations/{id}"), None).await?;
                if Profiles::load()?.organization.as_ref() == Some(&id) {
                    remember(None)?;
                }
                context.output.result(&found, || format!("{}\n", word(&found, "name")))
            }
        }
    }
}

async fn ask(client: &Client, method: &str, path: &str, body: Option<&Json>) -> Done<Json> {
    Ok(serde_json::from_slice(&client.send(method, path, body).await?)?)
}

async fn all(client: &Client) -> Done<Vec<Json>> {
    Ok(serde_json::from_slice(&client.send("GET", "/organizations", None).await?)?)
}

async fn find(client: &Client, id_or_name: &str) -> Done<Json> {
    let all = all(client).await?;
    let by = |field: &str| all.iter().find(|organization| organization[field] == id_or_name).cloned();
    by("id").or_else(|| by("name")).ok_or_else(|| {
        Failure::usage(format!("You are in no organization {id_or_name:?}; `daytona organization list` shows yours."))
    })
}

async fn region_id(client: &Client, id_or_name: &str) -> Done<String> {
    let regions = ask(client, "GET", "/regions", None).await?;
    let regions = regions.as_array().into_iter().flatten();
    let found = regions.into_iter().find(|region| region["id"] == id_or_name || region["name"] == id_or_name);
    let id = found.and_then(|region| region["id"].as_str()).map(str::to_owned);
    id.ok_or_else(|| Failure::usage(format!("There is no region {id_or_name:?}.")))
}

fn remember(id: Option<&str>) -> Done {
    Profiles::change(|profiles| {
        profiles.organization = id.map(str::to_owned);
        Ok(())
    })
}

fn word(organization: &Json, field: &str) -> String {
    printable(organization[field].as_str().unwrap_or_default())
}

fn text(all: &[Json], in_use: Option<&str>) -> String {
    let mut table = Table::new(&["NAME", "ID", "PERSONAL", "IN USE"]);
    for organization in all {
        let yes = |holds: bool| if holds { "yes" } else { "" }.to_owned();
        let is_used = match in_use {
            Some(id) => organization["id"] == id,
            None => organization["personal"] == true,
        };
        table.row([
            word(organization, "name"),
            word(organization, "id"),
            yes(organization["personal"] == true),
            yes(is_used),
        ]);
    }
    table.text()
}
