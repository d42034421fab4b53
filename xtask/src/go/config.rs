//! The configuration of a client: `types.DaytonaConfig`, and what the native library is told of it.

use std::fmt::Write as _;

use anyhow::Result;

use super::Package;
use super::types::Place;
use super::words::{aligned, filled, sentence};

impl Package<'_> {
    /// The fields that Go has: wire name, Go name, documentation, whether it is a secret.
    fn config_fields(&self) -> Result<Vec<(&str, String, &str, bool)>> {
        let config = &self.schema.config;
        let mut fields = Vec::new();
        for field in &config.fields {
            let (name, _) = self.field_in(Place::Types, &config.name, field)?;
            if name != "-" {
                fields.push((field.wire.as_str(), name, field.doc.as_str(), field.secret));
            }
        }
        Ok(fields)
    }

    /// The struct, which is printed without its secrets.
    pub fn config(&self, out: &mut String) -> Result<()> {
        let fields = self.config_fields()?;
        let doc = format!(
            "DaytonaConfig tells {}\n\nPrinting it never shows the credentials.",
            super::words::lower(&sentence(&self.schema.config.doc))
        );
        write!(out, "\n{}type DaytonaConfig struct {{\n", filled("", &doc))?;
        for (_, name, doc, _) in &fields {
            writeln!(out, "{}\t{name} string", filled("\t", &sentence(doc)))?;
        }
        let shown: Vec<String> = fields
            .iter()
            .map(|(_, name, _, secret)| format!("{name}: {}", if *secret { "%s" } else { "%q" }))
            .collect();
        let values: Vec<String> = fields
            .iter()
            .map(|(_, name, _, secret)| if *secret { format!("redacted(c.{name})") } else { format!("c.{name}") })
            .collect();
        write!(
            out,
            "}}\n\n// String describes the configuration without its credentials.\nfunc (c DaytonaConfig) String() string {{\n\
             \treturn fmt.Sprintf(\"DaytonaConfig{{{}}}\",\n\t\t{})\n}}\n\n\
             // GoString does the same as String.\nfunc (c DaytonaConfig) GoString() string {{ return c.String() }}\n\n\
             func redacted(secret string) string {{\n\tif secret == \"\" {{\n\t\treturn \"unset\"\n\t}}\n\treturn \"***\"\n}}\n",
            shown.join(", "),
            values.join(", ")
        )?;
        Ok(())
    }

    /// The function that says a configuration in the native library's names; what is not set is not said.
    pub fn settings(&self, out: &mut String) -> Result<()> {
        let mut rows = vec![vec!["\"source\":".to_owned(), "\"sdk-go\",".to_owned()]];
        for (wire, name, ..) in self.config_fields()? {
            rows.push(vec![format!("{wire:?}:"), format!("config.{name},")]);
        }
        write!(
            out,
            "\n// settings returns a configuration in the native library's names, without what is not set.\n\
             func settings(config *types.DaytonaConfig) map[string]string {{\n\tgiven := map[string]string{{\n{}\t}}\n\
             \tfor name, value := range given {{\n\t\tif value == \"\" {{\n\t\t\tdelete(given, name)\n\t\t}}\n\t}}\n\treturn given\n}}\n",
            aligned("\t\t", &rows)
        )?;
        Ok(())
    }
}
