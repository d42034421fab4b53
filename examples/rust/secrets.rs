//! Secrets: values that programs in a sandbox use without having them.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example secrets
//! ```

use std::collections::BTreeMap;
use std::time::SystemTime;

use daytona::model::{CreateSandboxParams, CreateSecretParams, ListSecretsOptions, UpdateSecretParams};
use daytona::{Client, Config};

type Outcome = Result<(), Box<dyn std::error::Error>>;

async fn use_one(daytona: &Client, name: &str) -> Outcome {
    // region: use
    let hosts = Some(vec!["api.example.com".into()]);
    let secret = CreateSecretParams { name: name.into(), value: "sk-...".into(), hosts, ..Default::default() };
    daytona.secrets().create(secret).await?;

    let secrets = Some(BTreeMap::from([("API_KEY".into(), name.into())]));
    let sandbox = daytona.create(CreateSandboxParams { secrets, ..Default::default() }).await?;
    println!("{}", sandbox.process().exec("echo $API_KEY", Default::default()).await?.result); // dtn_secret_...
    // The server is sent the value: curl -H "Authorization: Bearer $API_KEY" https://api.example.com/
    // endregion
    sandbox.delete().await?;
    Ok(())
}

async fn manage(daytona: &Client, name: &str) -> Outcome {
    let secrets = Some(BTreeMap::from([("API_KEY".into(), name.into())]));
    let mut sandbox = daytona.create(CreateSandboxParams { secrets, ..Default::default() }).await?;
    // region: manage
    let named = ListSecretsOptions { name: Some(name.into()), ..Default::default() };
    let known = daytona.secrets().list(named).await?.items;
    for secret in &known {
        println!("{} {:?} {}", secret.name, secret.hosts, secret.placeholder);
        let hosts = Some(vec!["*.example.com".into()]);
        let changes = UpdateSecretParams { value: Some("sk-new".into()), hosts, ..Default::default() };
        daytona.secrets().update(&secret.id, changes).await?;
    }

    sandbox.update_secrets(BTreeMap::from([("OTHER_KEY".into(), name.into())])).await?;
    sandbox.update_secrets(BTreeMap::new()).await?;

    for secret in &known {
        daytona.secrets().delete(&secret.id).await?;
    }
    // endregion
    sandbox.delete().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome {
    let daytona = Client::new(Config::default())?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let name = format!("example-{}", now.as_nanos());
    use_one(&daytona, &name).await?;
    manage(&daytona, &name).await
}
