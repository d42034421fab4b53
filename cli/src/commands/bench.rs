//! `daytona bench`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use daytona::Sandbox;
use daytona::model::{
    Blob, CreateSandboxParams, DeleteOptions, DownloadOptions, ExecOptions, FileUpload, UploadOptions,
};
use serde::Serialize;

use crate::failure::Done;
use crate::interrupt::Signals;
use crate::output::{Format, FormatArguments, Table};
use crate::remote::{Context, Remote};

/// Where the file for the throughput is.
const FILE: &str = "/tmp/daytona-bench";

/// Measure how fast sandboxes are, from here: creation, commands, files
#[derive(Debug, Args)]
pub struct Bench {
    /// Sandboxes to create, one after the other; each is deleted
    #[arg(short, long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    number: u32,
    /// Commands to run in each
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10000))]
    commands: u32,
    /// Size of the file that is sent and fetched, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1024))]
    size: u32,
    /// Snapshot to create them from [default: the server's]
    #[arg(long)]
    snapshot: Option<String>,
    #[command(flatten)]
    format: FormatArguments,
}

/// How long something took, in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Times {
    measured: usize,
    least: f64,
    median: f64,
    p90: f64,
    most: f64,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    api_url: String,
    create_milliseconds: Times,
    first_command_milliseconds: Times,
    create_to_first_result_milliseconds: Times,
    command_milliseconds: Times,
    delete_milliseconds: Times,
    upload_mib_per_second: f64,
    download_mib_per_second: f64,
}

#[derive(Default)]
struct Samples {
    create: Vec<Duration>,
    first: Vec<Duration>,
    begun: Vec<Duration>,
    command: Vec<Duration>,
    delete: Vec<Duration>,
    /// The fastest of all.
    upload: Option<Duration>,
    download: Option<Duration>,
}

impl Remote for Bench {
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let mut signals = Signals::listen()?;
        // Connecting, and starting a local engine, is not what is measured.
        signals.or(context.client.sandboxes().list(Default::default())).await??;
        let progress = context.output.progress("measuring");
        let mut samples = Samples::default();
        for _ in 0..self.number {
            self.measure(context, &mut signals, &mut samples).await?;
        }
        drop(progress);
        let speed = |time: Option<Duration>| f64::from(self.size) / time.unwrap_or_default().as_secs_f64().max(1e-9);
        let measured = Measured {
            api_url: context.client.api_url().to_owned(),
            create_milliseconds: Times::new(samples.create),
            first_command_milliseconds: Times::new(samples.first),
            create_to_first_result_milliseconds: Times::new(samples.begun),
            command_milliseconds: Times::new(samples.command),
            delete_milliseconds: Times::new(samples.delete),
            upload_mib_per_second: speed(samples.upload),
            download_mib_per_second: speed(samples.download),
        };
        context.output.result(&measured, || measured.text(self.size))
    }
}

impl Bench {
    async fn measure(&self, context: &Context, signals: &mut Signals, samples: &mut Samples) -> Done {
        let parameters = CreateSandboxParams {
            snapshot: self.snapshot.clone(),
            // Should this program be killed, the sandbox goes by itself when it is idle.
            auto_stop_interval: Some(1),
            auto_delete_interval: Some(0),
            ..Default::default()
        };
        let begun = Instant::now();
        let sandbox = signals.or(context.client.create(parameters)).await??;
        samples.create.push(begun.elapsed());
        // Interrupted, it is deleted all the same; interrupted again, that is not waited for.
        let measured = signals.or(self.within(&sandbox, begun, samples)).await.and_then(|measured| measured);
        let deleting = Instant::now();
        signals.or(context.client.sandboxes().delete(sandbox.id(), DeleteOptions::default())).await??;
        samples.delete.push(deleting.elapsed());
        measured
    }

    async fn within(&self, sandbox: &Sandbox, begun: Instant, samples: &mut Samples) -> Done {
        let (process, files) = (sandbox.process(), sandbox.fs());
        for number in 0..self.commands {
            let start = Instant::now();
            process.exec("true", ExecOptions::default()).await?;
            if number == 0 {
                samples.first.push(start.elapsed());
                samples.begun.push(begun.elapsed());
            } else {
                samples.command.push(start.elapsed());
            }
        }
        // What cannot be made smaller on its way.
        let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
        let content: Vec<u8> = std::iter::repeat_with(|| {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            noise.to_le_bytes()
        })
        .take(self.size as usize * (1 << 20) / 8)
        .flatten()
        .collect();
        let content = Blob(Bytes::from(content));
        let file = FileUpload { destination: FILE.to_owned(), content: Some(content), local_path: None };
        let start = Instant::now();
        files.upload_file(file, UploadOptions::default()).await?;
        samples.upload = Some(start.elapsed().min(samples.upload.unwrap_or(Duration::MAX)));
        let start = Instant::now();
        let mut reader = files.open_download(FILE, DownloadOptions::default()).await?;
        while reader.next().await?.is_some() {}
        samples.download = Some(start.elapsed().min(samples.download.unwrap_or(Duration::MAX)));
        Ok(())
    }
}

impl Times {
    fn new(mut samples: Vec<Duration>) -> Self {
        samples.sort();
        let at = |share: f64| {
            let place = (samples.len() as f64 * share) as usize;
            let sample = samples.get(place.min(samples.len().saturating_sub(1)));
            sample.map_or(0.0, |time| (time.as_secs_f64() * 1e5).round() / 100.0)
        };
        Self { measured: samples.len(), least: at(0.0), median: at(0.5), p90: at(0.9), most: at(1.0) }
    }
}

impl Measured {
    fn text(&self, size: u32) -> String {
        let mut table = Table::new(&["MILLISECONDS", "MEDIAN", "90 %", "LEAST", "MOST", "MEASURED"]);
        for (what, times) in [
            ("create", &self.create_milliseconds),
            ("first command", &self.first_command_milliseconds),
            ("create to first result", &self.create_to_first_result_milliseconds),
            ("command", &self.command_milliseconds),
            ("delete", &self.delete_milliseconds),
        ] {
            let number = |value: f64| format!("{value:.1}");
            table.row([
                what.to_owned(),
                number(times.median),
                number(times.p90),
                number(times.least),
                number(times.most),
                times.measured.to_string(),
            ]);
        }
        let (up, down) = (self.upload_mib_per_second, self.download_mib_per_second);
        format!("{}\n{size} MiB sent at {up:.0} MiB/s, fetched at {down:.0} MiB/s\n", table.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_by_rank() {
        let times = Times::new((1..=10).rev().map(Duration::from_millis).collect());
        assert_eq!((times.least, times.median, times.p90, times.most), (1.0, 6.0, 10.0, 10.0));
        assert_eq!(Times::new(vec![]).most, 0.0);
    }
}
