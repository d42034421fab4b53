//! `tests/conformance/go/generated_calls.go`: the calls of the conformance runner, one for each operation whose public method
//! is generated.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::classes::{class, class_of};
use super::services::{Gives, Method, go_name, options_of};
use super::{HEADER, Package};
use crate::schema::{Op, Service, Type, Update};

/// Operations whose generated methods need more than their arguments: what the runner does with them is written by hand.
const BY_HAND: [&str; 21] = [
    "code_interpreter.run_code",
    "fs.download_dir",
    "fs.download_files",
    "fs.upload_dir",
    "process.create_pty",
    "process.stream_output",
    "sandbox.create",
    "sandbox.create_with_logs",
    "sandbox.create_signed_preview_url",
    "sandbox.forward_port",
    "sandbox.set_auto_archive_interval",
    "sandbox.set_auto_delete_interval",
    "sandbox.fork",
    "sandbox.set_auto_pause_interval",
    "sandbox.set_auto_stop_interval",
    "snapshot.activate",
    "snapshot.create",
    "snapshot.create_with_logs",
    "snapshot.deactivate",
    "snapshot.delete",
    "snapshot.get",
];

/// The services that a desktop has.
const DESKTOP: [&str; 6] = [
    "AccessibilityService",
    "DisplayService",
    "KeyboardService",
    "MouseService",
    "RecordingService",
    "ScreenshotService",
];

impl<'a> Package<'a> {
    /// The file of calls.
    pub fn calls(&self) -> Result<String> {
        let mut cases = String::new();
        for service in &self.schema.services {
            for op in &service.ops {
                let methods = Self::methods(op).into_iter().filter(|method| Self::is_complete(op, method, self));
                // The first that takes functional options, else the first.
                let method = methods.min_by_key(|method| match method {
                    // An update of a sandbox returns nothing but the error.
                    Method { gives: Gives::Through("s.update", _), .. } if op.updates.is_none() => 2,
                    Method { gives: Gives::Through("outcome", _), .. } => 2,
                    Method { takes: Some(names), .. } if !names.contains(&"opts") => 1,
                    _ => 0,
                });
                if let Some(method) = method.filter(|_| !BY_HAND.contains(&op.id.as_str())) {
                    self.case(&mut cases, service, op, &method).with_context(|| op.id.clone())?;
                }
            }
        }
        Ok(format!(
            "{HEADER}package main\n\nimport (\n\t\"context\"\n\n\
             \t\"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona\"\n\
             \t\"github.com/daytonaio/daytona/libs/sdk-go/pkg/options\"\n\
             \t\"github.com/daytonaio/daytona/libs/sdk-go/pkg/types\"\n)\n\n\
             // generated makes the call of an operation that needs nothing but its arguments.\n\
             func (c call) generated(ctx context.Context, op string) (any, error) {{\n\
             \targs, opts := c.args, c.args.object(\"options\")\n\tswitch op {{\n{cases}\t}}\n\treturn nil, unknown(op)\n}}\n"
        ))
    }

    /// Whether a public method takes everything that an operation does, and returns its whole result.
    fn is_complete(op: &Op, method: &Method, package: &Package) -> bool {
        let all = method.takes.is_none_or(|names| {
            names.contains(&"opts")
                || package.schema.options(op).iter().all(|option| {
                    names
                        .iter()
                        .any(|name| name.split(" as ").next().unwrap_or("").trim_matches(['*', '.']) == option.name)
                })
        });
        all && !method.hidden && !matches!(method.gives, Gives::Alias | Gives::Field(_))
    }

    fn case(&self, out: &mut String, service: &Service, op: &'a Op, method: &Method) -> Result<()> {
        let on = method.on.map_or_else(|| class_of(service), str::to_owned);
        writeln!(out, "\tcase {:?}:", op.id)?;
        let of_sandbox = method.takes.is_some_and(|names| names.contains(&"sandbox"));
        let sandbox = (on == "Sandbox" && !service.toolbox) || of_sandbox;
        if sandbox {
            out.push_str(
                "\t\tsandbox, err := c.client.Get(ctx, into[string](args, \"idOrName\"))\n\
                 \t\tif err != nil {\n\t\t\treturn nil, err\n\t\t}\n",
            );
        }
        let receiver = match on.as_str() {
            "Client" => "c.client".to_owned(),
            "VolumeService" => "c.client.Volume".to_owned(),
            "SecretService" => "c.client.Secret".to_owned(),
            "Sandbox" if sandbox => "sandbox".to_owned(),
            "Sandbox" => "c.sandbox".to_owned(),
            "SpawnedProcess" => "c.sandbox.Process.SpawnedFrom(into[types.ProcessInfo](args, \"process\"))".to_owned(),
            "SnapshotService" => "c.client.Snapshot".to_owned(),
            "LspServerService" => "c.languageServer(into[types.LspServerInfo](args, \"server\"))".to_owned(),
            desktop if DESKTOP.contains(&desktop) => {
                format!("c.sandbox.ComputerUse.{}()", desktop.trim_end_matches("Service"))
            }
            service => format!("c.sandbox.{}", service.trim_end_matches("Service")),
        };
        let mut arguments = vec!["ctx".to_owned()];
        for parameter in self.parameters(op, class(&on)?, method)? {
            let Some((field, _, option)) = &parameter.travels else {
                arguments.push(parameter.name.clone());
                continue;
            };
            let from = if *option { "opts" } else { "args" };
            arguments.push(match parameter.ty.as_str() {
                "[]byte" => format!("{from}[{:?}].([]byte)", field.wire),
                "time.Duration" => format!("{from}.time({:?})", field.wire),
                ty => format!("into[{}]({from}, {:?})", beside_the_client(ty, self), field.wire),
            });
        }
        if let Some(of) = options_of(op).filter(|_| method.takes.is_none_or(|names| names.contains(&"opts"))) {
            let set = self.options(of, method.set)?;
            let from = if op.options.is_some() { "opts" } else { "args" };
            let mut option = format!("func(o *options.{}) {{\n", set.name);
            for field in &set.fields {
                if let Some(source) = field.source {
                    writeln!(option, "\t\t\tgiven({from}, {:?}, &o.{})", source.wire, field.name)?;
                }
            }
            arguments.push(option + "\t\t}");
        }
        let call = format!("{receiver}.{}({})", go_name(op, method), arguments.join(", "));
        match &op.updates {
            Some(Update::Receiver) if sandbox => {
                writeln!(out, "\t\terr = {call}\n\t\treturn c.result(sandbox, err)")?;
            }
            Some(Update::FieldFromResult { field }) if sandbox => {
                let item = self.structure("SandboxInfo").context("SandboxInfo")?;
                let field = item.fields.iter().find(|f| f.name == *field).context("a field")?;
                let (go, _) = self.field("SandboxInfo", field)?;
                writeln!(out, "\t\terr = {call}\n\t\treturn c.result(sandbox.{go}, err)")?;
            }
            _ if matches!(op.returns, Type::Unit) => writeln!(out, "\t\treturn nil, {call}")?,
            _ => writeln!(out, "\t\treturn c.result({call})")?,
        }
        Ok(())
    }
}

/// A type as another package than the client's writes it.
fn beside_the_client(ty: &str, package: &Package) -> String {
    let name = ty.trim_start_matches('*');
    if package.is_of_client(name) { ty.replace(name, &format!("daytona.{name}")) } else { ty.to_owned() }
}
