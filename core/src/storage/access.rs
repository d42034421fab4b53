//! What credentials for a bucket leave to defaults.

use url::{Host, Url};

use crate::error::{Error, Result};
use crate::model::PushAccessCredentials;
use crate::words::without_secrets;

/// The bucket that archives go to, unless the server names another (wire.md 5).
const DEFAULT_BUCKET: &str = "daytona-volume-builds";
const DEFAULT_REGION: &str = "us-east-1";

impl PushAccessCredentials {
    /// The URL of the bucket, which requests are addressed by its path.
    pub(crate) fn bucket_url(&self) -> Result<Url> {
        let mut url = Url::parse(&self.storage_url).map_err(|e| {
            let shown = without_secrets(&self.storage_url);
            Error::invalid_argument(format!("{shown:?} is not a usable URL of an object storage")).with_source(e)
        })?;
        let bucket = if self.bucket.is_empty() { DEFAULT_BUCKET } else { &self.bucket };
        match url.path_segments_mut() {
            Ok(mut path) => {
                path.pop_if_empty().push(bucket);
            }
            Err(()) => {
                return Err(Error::invalid_argument(format!(
                    "{:?} is not a usable URL of an object storage.",
                    without_secrets(&self.storage_url)
                )));
            }
        }
        Ok(url)
    }

    /// The region that requests are signed for. Servers before 0.201 do not tell it; Amazon's hosts have it in their name.
    pub(crate) fn region(&self) -> String {
        let given = self.region.clone().filter(|region| !region.is_empty());
        given.or_else(|| region_of_host(&self.storage_url)).unwrap_or_else(|| DEFAULT_REGION.to_owned())
    }
}

fn region_of_host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let Some(Host::Domain(host)) = url.host() else { return None };
    let name = host.strip_suffix(".amazonaws.com")?;
    let region = name.rsplit_once("s3").map(|(_, region)| region)?.strip_prefix(['.', '-'])?;
    Some(region.to_owned()).filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_told_or_in_the_name_of_the_host() {
        for (told, url, region) in [
            (Some("eu-north-1"), "https://s3.eu-west-1.amazonaws.com", "eu-north-1"),
            (None, "https://s3.eu-west-1.amazonaws.com", "eu-west-1"),
            (None, "https://s3-us-west-2.amazonaws.com", "us-west-2"),
            (None, "https://s3.amazonaws.com", "us-east-1"),
            (None, "http://127.0.0.1:9000", "us-east-1"),
            (Some(""), "http://minio:9000", "us-east-1"),
        ] {
            let access = PushAccessCredentials {
                region: told.map(str::to_owned),
                storage_url: url.into(),
                ..Default::default()
            };
            assert_eq!(access.region(), region, "{url}");
        }
    }

    #[test]
    fn the_bucket_is_a_part_of_the_path() {
        for (storage_url, bucket, url) in [
            ("http://127.0.0.1:9000", "b", "http://127.0.0.1:9000/b"),
            ("https://storage/s3/", "", "https://storage/s3/daytona-volume-builds"),
        ] {
            let access =
                PushAccessCredentials { storage_url: storage_url.into(), bucket: bucket.into(), ..Default::default() };
            assert_eq!(access.bucket_url().unwrap().as_str(), url);
        }
    }
}
