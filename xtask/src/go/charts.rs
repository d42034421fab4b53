//! Charts: one struct, whose elements are of the type that its kind has.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::Package;
use super::types::Place;
use super::words::{aligned, filled, sentence};
use crate::charts::{ELEMENTS, KINDS};
use crate::schema::Field;

/// The chart, and the struct with the fields of all its parts.
pub const CHART: &str = "Chart";
pub const ELEMENT: &str = "ChartElement";

/// What Go's documentation says of the elements.
const OF_ELEMENTS: &str = "Elements is []PointData for lines and scatter plots, []BarData, []PieData, []BoxAndWhiskerData, or \
                           []Chart for a composite chart; nil for other kinds.";

impl Package<'_> {
    pub fn charts(&self, out: &mut String) -> Result<()> {
        let chart = self.schema.structure(CHART).context(CHART)?;
        write!(
            out,
            "\n// Chart is a figure that a program showed with matplotlib: its picture and, for the known kinds, its data.\n\
             type Chart struct {{\n"
        )?;
        let (mut wire, mut made) = (vec![], vec![]);
        for field in &chart.fields {
            let (name, ty) = self.field_in(Place::Types, CHART, field)?;
            let elements = field.name == "elements";
            let doc = if elements { OF_ELEMENTS.to_owned() } else { sentence(&field.doc) };
            writeln!(out, "{}\t{name} {ty}", filled("\t", &doc))?;
            let raw = if elements { "json.RawMessage".to_owned() } else { ty };
            wire.push(vec![name.clone(), raw, format!("`json:{:?}`", field.wire)]);
            let value = if elements { "elements,".to_owned() } else { format!("wire.{name},") };
            made.push(vec![format!("{name}:"), value]);
        }
        out.push_str("}\n");
        for (name, fields) in ELEMENTS {
            let element = self.schema.structure(ELEMENT).context(ELEMENT)?;
            writeln!(out, "\n// {name} is a part of a chart.\ntype {name} struct {{")?;
            for wanted in ["label"].iter().chain(fields) {
                let field = element.fields.iter().find(|field| field.name == *wanted).context(*wanted)?;
                let (go, ty) = self.field_in(Place::Types, ELEMENT, field)?;
                let ty = ty.trim_start_matches('*');
                writeln!(out, "{}\t{go} {ty} `json:{:?}`", filled("\t", &own_doc(field)), field.wire)?;
            }
            out.push_str("}\n");
        }
        write!(
            out,
            "\n// UnmarshalJSON reads the wire's form.\nfunc (c *Chart) UnmarshalJSON(data []byte) error {{\n\tvar wire struct {{\n{}\t}}\n\
             \tif err := json.Unmarshal(data, &wire); err != nil {{\n\t\treturn err\n\t}}\n\
             \telements, err := chartElements(wire.Type, wire.Elements)\n\t*c = Chart{{\n{}\t}}\n\treturn err\n}}\n\n\
             func chartElements(kind ChartType, data json.RawMessage) (any, error) {{\n\tswitch kind {{\n",
            aligned("\t\t", &wire),
            aligned("\t\t", &made)
        )?;
        for (kind, element) in KINDS {
            writeln!(out, "\tcase ChartType{kind}:\n\t\treturn elementsOf[{element}](data)")?;
        }
        out.push_str(
            "\t}\n\treturn nil, nil\n}\n\nfunc elementsOf[T any](data json.RawMessage) ([]T, error) {\n\tvar elements []T\n\
             \tif len(data) == 0 {\n\t\treturn nil, nil\n\t}\n\terr := json.Unmarshal(data, &elements)\n\treturn elements, err\n}\n",
        );
        Ok(())
    }
}

/// The documentation without the kind of chart that has the field: here that is the type.
fn own_doc(field: &Field) -> String {
    let doc = sentence(&field.doc);
    let own = doc.split_once(": ").filter(|(kind, _)| !kind.contains(' ') || kind.ends_with("scatter"));
    let own = own.map_or(doc.as_str(), |(_, own)| own);
    let mut letters = own.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
