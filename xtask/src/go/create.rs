//! The parameters of `Create`: one struct in the core, one for each thing that a sandbox is made from in Go.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::Package;
use super::encoders::ENCODER;
use super::types::Place;
use super::words::{filled, sentence};
use crate::schema::Field;

pub const STRUCT: &str = "CreateSandboxParams";

/// The structs, what they are for, and the fields that are not in every one.
const FORMS: [(&str, &str, &[&str]); 2] = [
    ("SnapshotParams", "are for a sandbox from a snapshot.", &["snapshot"]),
    ("ImageParams", "are for a sandbox from an image.", &["image", "build_secrets", "resources"]),
];
const BASE: &str = "SandboxBaseParams";
/// What an image object says.
const OF_IMAGE: [&str; 3] = ["dockerfile", "contexts", "context_hashes"];

/// What a parameter may be that takes these structs.
pub const ANY_OF: &str = "nil for the default snapshot, or SnapshotParams, ImageParams or SandboxBaseParams of package types, or a \
                          pointer to one of them.";

impl Package<'_> {
    fn create_fields(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<(&Field, String, String)>> {
        let item = self.schema.structure(STRUCT).context(STRUCT)?;
        let mut fields = Vec::new();
        for field in item.fields.iter().filter(|field| wanted(&field.name) && !OF_IMAGE.contains(&field.name.as_str()))
        {
            let (name, ty) = self.field_in(Place::Types, STRUCT, field)?;
            fields.push((field, name, ty));
        }
        Ok(fields)
    }

    fn create_base(&self) -> Result<Vec<(&Field, String, String)>> {
        self.create_fields(|name| !FORMS.iter().any(|(.., own)| own.contains(&name)))
    }

    /// The structs.
    pub fn create_params(&self, out: &mut String) -> Result<()> {
        let print = |out: &mut String, fields: &[(&Field, String, String)]| -> Result<()> {
            for (field, name, ty) in fields {
                writeln!(out, "{}\t{name} {ty}", filled("\t", &sentence(&field.doc)))?;
            }
            Ok(())
        };
        writeln!(out, "\n// {BASE} are what all ways to create a sandbox have in common.\ntype {BASE} struct {{")?;
        print(out, &self.create_base()?)?;
        out.push_str(
            "\t// CodeLanguage is used when Language is empty.\n\t//\n\t// Deprecated: use Language.\n\tCodeLanguage CodeLanguage\n}\n\n\
             // hidden has the names of variables without their values.\n\
             func hidden(values map[string]string) map[string]string {\n\tshown := make(map[string]string, len(values))\n\
             \tfor name := range values {\n\t\tshown[name] = \"***\"\n\t}\n\treturn shown\n}\n",
        );
        for (name, doc, own) in FORMS {
            writeln!(out, "\n// {name} {doc}\ntype {name} struct {{\n\t{BASE}")?;
            print(out, &self.create_fields(|field| own.contains(&field))?)?;
            out.push_str("}\n");
        }
        Ok(())
    }

    /// The functions that add them to a call.
    pub fn create_encoders(&self, out: &mut String) -> Result<()> {
        writeln!(
            out,
            "\n// {STRUCT} adds the parameters of a new sandbox, whichever of their forms they are in.\n\
             func (c *Call) {STRUCT}(name string, params any) {{\n\tc.Open(name)\n\tswitch p := params.(type) {{\n\tcase nil:"
        )?;
        for form in [BASE].into_iter().chain(FORMS.map(|(name, ..)| name)) {
            writeln!(
                out,
                "\tcase types.{form}:\n\t\tc.add{form}(&p)\n\tcase *types.{form}:\n\t\tif p != nil {{\n\t\t\tc.add{form}(p)\n\t\t}}"
            )?;
        }
        write!(
            out,
            "\tdefault:\n\t\tc.fail(fmt.Sprintf(\"params is a %T; it must be nil, types.SnapshotParams, types.ImageParams or \
             types.SandboxBaseParams.\", params))\n\t}}\n\tc.Close()\n}}\n\nfunc (c *Call) add{BASE}(p *types.{BASE}) {{\n"
        )?;
        for (field, name, ty) in self.create_base()? {
            let value = format!("p.{name}");
            if ty == "bool" {
                writeln!(out, "\tif {value} {{\n\t\tc.Bool({:?}, true)\n\t}}", field.wire)?;
            } else if ty == "CodeLanguage" {
                writeln!(
                    out,
                    "\tif language := string({value}); language != \"\" {{\n\t\tc.Text({wire:?}, language)\n\
                     \t}} else if p.CodeLanguage != \"\" {{\n\t\tc.Text({wire:?}, string(p.CodeLanguage))\n\t}}",
                    wire = field.wire
                )?;
            } else {
                out.push_str(&self.add(ENCODER, &field.wire, &ty, &value, true)?);
            }
        }
        out.push_str("}\n");
        for (form, _, own) in FORMS {
            writeln!(out, "\nfunc (c *Call) add{form}(p *types.{form}) {{\n\tc.add{BASE}(&p.{BASE})")?;
            for (field, name, ty) in self.create_fields(|field| own.contains(&field))? {
                if ty == "any" {
                    writeln!(out, "\tc.image(p.{name})")?;
                } else {
                    out.push_str(&self.add(ENCODER, &field.wire, &ty, &format!("p.{name}"), true)?);
                }
            }
            out.push_str("}\n");
        }
        Ok(())
    }
}
