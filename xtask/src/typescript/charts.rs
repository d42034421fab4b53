//! Charts by kind. The core has one struct with the fields of every kind; these interfaces say which of them a kind has.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::text::{Words, comment, header, ts_type};
use crate::schema::Schema;

/// Name, base, documentation, value of `type`, fields of its own.
type Interface = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

/// Charts, whose fields are those of `Chart`.
const FIGURES: &[Interface] = &[
    ("Chart2D", "", "A chart with two axes.", "", &["chart_type", "title", "png", "x_label", "y_label", "elements"]),
    (
        "PointChart",
        "Chart2D",
        "A chart of points.",
        "",
        &["x_ticks", "y_ticks", "x_tick_labels", "y_tick_labels", "x_scale", "y_scale"],
    ),
    ("LineChart", "PointChart", "Lines.", "line", &[]),
    ("ScatterChart", "PointChart", "Points.", "scatter", &[]),
    ("BarChart", "Chart2D", "Bars.", "bar", &[]),
    ("PieChart", "", "A pie.", "pie", &["title", "png", "elements"]),
    ("BoxAndWhiskerChart", "Chart2D", "Boxes and whiskers.", "box_and_whisker", &[]),
    (
        "CompositeChart",
        "",
        "Several charts in one figure: its elements are charts.",
        "composite_chart",
        &["title", "png", "elements"],
    ),
];

/// Elements, whose fields are those of `ChartElement`.
const ELEMENTS: &[Interface] = &[
    ("PointData", "", "A line or a group of points.", "", &["label", "points"]),
    ("BarData", "", "A bar.", "", &["label", "group", "value"]),
    ("PieData", "", "A slice.", "", &["label", "angle", "radius", "autopct"]),
    (
        "BoxAndWhiskerData",
        "",
        "A box.",
        "",
        &["label", "min", "first_quartile", "median", "third_quartile", "max", "outliers"],
    ),
];

/// Fields that are numbers where the scale does not say otherwise.
const POSITIONS: &[&str] = &["points", "value", "x_ticks", "y_ticks"];

/// The content of `charts.ts`.
pub fn charts(schema: &Schema, words: &Words) -> Result<String> {
    let mut out = header("core/src/model");
    out.push_str("import type { Position } from '../charts.js';\nimport type { ChartType } from './enums.js';\n");
    out.push_str("import type { ChartElement } from './models.js';\n");
    for (owner, interfaces) in [("Chart", FIGURES), ("ChartElement", ELEMENTS)] {
        let item = schema.structure(owner).with_context(|| format!("there is no struct {owner}"))?;
        for (name, base, doc, kind, fields) in interfaces {
            let base = if base.is_empty() { String::new() } else { format!(" extends {base}") };
            write!(out, "\n{}export interface {name}{base} {{\n", comment(doc, 0))?;
            if !kind.is_empty() {
                writeln!(out, "  /** Kind. */\n  type: '{kind}';")?;
            }
            for name in *fields {
                let field = item.fields.iter().find(|field| field.name == *name);
                let field = field.with_context(|| format!("{owner} has no field {name}"))?;
                let mut ty = ts_type(&field.ty);
                if POSITIONS.contains(name) {
                    ty = ty.replace("unknown", "Position");
                }
                let mark = if field.optional { "?" } else { "" };
                writeln!(out, "{}  {}{mark}: {ty};", comment(&words.text(&field.doc), 2), field.wire)?;
            }
            out.push_str("}\n");
        }
    }
    out.push_str("\n/** A chart of one of the known kinds. Decide by `type`. */\nexport type TypedChart =");
    for (name, ..) in FIGURES.iter().filter(|(.., kind, _)| !kind.is_empty()) {
        write!(out, " {name} |")?;
    }
    Ok(out.trim_end_matches(" |").to_owned() + ";\n")
}
