//! The configuration of a client: `types.DaytonaConfig`, and what the native library is told of it.

use std::fmt::Write as _;

use anyhow::Result;

use super::Package;
use super::types::Place;
use super::words::{aligned, filled, sentence};
use crate::schema::{Field, Type};

impl Package<'_> {
    /// The fields that Go has, with their Go names.
    fn config_fields(&self) -> Result<Vec<(&Field, String)>> {
        let config = &self.schema.config;
        let mut fields = Vec::new();
        for field in &config.fields {
            let (name, _) = self.field_in(Place::Types, &config.name, field)?;
            if name != "-" {
                fields.push((field, name));
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
        for (field, name) in &fields {
            let ty = if field.ty == Type::Bool { "bool" } else { "string" };
            writeln!(out, "{}\t{name} {ty}", filled("\t", &sentence(&field.doc)))?;
        }
        out.push_str("\t// Experimental is the former place of OtelEnabled.\n\tExperimental *ExperimentalConfig\n");
        let shown: Vec<String> = fields
            .iter()
            .map(|(field, name)| {
                let verb = match field.ty {
                    Type::Bool => "%t",
                    _ if field.secret => "%s",
                    _ => "%q",
                };
                format!("{name}: {verb}")
            })
            .collect();
        let values: Vec<String> = fields
            .iter()
            .map(|(field, name)| if field.secret { format!("redacted(c.{name})") } else { format!("c.{name}") })
            .collect();
        write!(
            out,
            "}}\n\n// String describes the configuration without its credentials.\nfunc (c DaytonaConfig) String() string {{\n\
             \treturn fmt.Sprintf(\"DaytonaConfig{{{}}}\",\n\t\t{})\n}}\n\n\
             // GoString does the same as String.\nfunc (c DaytonaConfig) GoString() string {{ return c.String() }}\n\n\
             // ExperimentalConfig has settings under their former names.\n\
             type ExperimentalConfig struct {{\n\t// OtelEnabled is DaytonaConfig.OtelEnabled.\n\tOtelEnabled bool\n}}\n\n\
             func redacted(secret string) string {{\n\tif secret == \"\" {{\n\t\treturn \"unset\"\n\t}}\n\treturn \"***\"\n}}\n",
            shown.join(", "),
            values.join(", ")
        )?;
        Ok(())
    }

    /// The function that says a configuration in the native library's names; what is not set is not said.
    pub fn settings(&self, out: &mut String) -> Result<()> {
        let mut rows = vec![vec!["\"source\":".to_owned(), "\"sdk-go\",".to_owned()]];
        for (field, name) in self.config_fields()? {
            if name == "OtelEnabled" {
                continue;
            }
            rows.push(vec![format!("{:?}:", field.wire), format!("config.{name},")]);
        }
        write!(
            out,
            "\n// settings returns a configuration in the native library's names, without what is not set.\n\
             func settings(config *types.DaytonaConfig) map[string]any {{\n\tgiven := map[string]any{{\n{}\t}}\n\
             \tfor name, value := range given {{\n\t\tif value == \"\" {{\n\t\t\tdelete(given, name)\n\t\t}}\n\t}}\n\
             \tif config.OtelEnabled || config.Experimental != nil && config.Experimental.OtelEnabled {{\n\
             \t\tgiven[\"otelEnabled\"] = true\n\t}}\n\treturn given\n}}\n",
            aligned("\t\t", &rows)
        )?;
        Ok(())
    }
}
