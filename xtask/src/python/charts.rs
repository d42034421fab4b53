//! Charts as a hierarchy of classes: the core has one struct whose kind says which fields are set.

use super::text::{Text, docstring, fill};
use super::{HEADER, annotation};
use crate::schema::{Field, Schema, Type};
use anyhow::{Context, Result};

/// Parts of charts, and their fields besides the label.
const ELEMENTS: [(&str, &str, &[&str]); 4] = [
    ("PointData", "Points that belong together: a line, or the points of one colour.", &["points"]),
    ("BarData", "A bar.", &["group", "value"]),
    ("PieData", "A slice of a pie.", &["angle", "radius", "autopct"]),
    (
        "BoxAndWhiskerData",
        "A box with whiskers.",
        &["min", "first_quartile", "median", "third_quartile", "max", "outliers"],
    ),
];

/// Charts, what they extend, and what they consist of.
const CHARTS: [(&str, &str, &str, &str); 8] = [
    ("Chart2D", "Chart", "A chart with two axes.", ""),
    ("PointChart", "Chart2D", "A chart of points.", "PointData"),
    ("LineChart", "PointChart", "Lines.", ""),
    ("ScatterChart", "PointChart", "Scattered points.", ""),
    ("BarChart", "Chart2D", "Bars.", "BarData"),
    ("PieChart", "Chart", "A pie.", "PieData"),
    ("BoxAndWhiskerChart", "Chart2D", "Boxes with whiskers.", "BoxAndWhiskerData"),
    ("CompositeChart", "Chart", "Several charts in one figure.", "Chart"),
];

/// The class of each kind, and of its elements.
const KINDS: [(&str, &str, &str); 6] = [
    ("LINE", "LineChart", "PointData"),
    ("SCATTER", "ScatterChart", "PointData"),
    ("BAR", "BarChart", "BarData"),
    ("PIE", "PieChart", "PieData"),
    ("BOX_AND_WHISKER", "BoxAndWhiskerChart", "BoxAndWhiskerData"),
    ("COMPOSITE_CHART", "CompositeChart", "Chart"),
];

/// The module of the charts.
pub fn file(schema: &Schema) -> Result<String> {
    let chart = schema.structure("Chart").context("Chart")?;
    let element = schema.structure("ChartElement").context("ChartElement")?;
    let mut text = Text::new();
    text.line(0, &format!("\"\"\"Charts that a program showed with matplotlib. {HEADER}\"\"\""));
    text.lines(
        0,
        "\nfrom __future__ import annotations\n\nfrom typing import TYPE_CHECKING, Any\n\nfrom .._model import Model\nfrom .enums import ChartType\n\nif TYPE_CHECKING:\n    from collections.abc import Sequence",
    );
    let label = element.fields.iter().find(|f| f.name == "label").context("label")?;
    class(&mut text, "ChartElement", "Model", "A part of a chart.", &[label], &[])?;
    for (name, doc, fields) in ELEMENTS {
        let own: Option<Vec<&Field>> =
            fields.iter().map(|name| element.fields.iter().find(|f| f.name == *name)).collect();
        class(&mut text, name, "ChartElement", doc, &[label], &own.context(name)?)?;
        text.line(0, "");
        text.line(1, "@classmethod");
        text.line(1, &format!("def from_wire(cls, wire: dict[str, Any]) -> {name}:"));
        text.line(2, "\"\"\"Reads it from the core's JSON.\"\"\"");
        let arguments: Vec<String> = ["label"]
            .iter()
            .chain(fields)
            .map(|name| match *name {
                // JSON has no pairs.
                "points" => "[(x, y) for x, y, *_ in wire.get(\"points\") or ()]".to_owned(),
                name => format!("wire.get(\"{name}\")"),
            })
            .collect();
        text.list(2, "return cls(", &arguments, ")");
    }
    figure(&mut text, &chart.fields);
    for (name, base, doc, elements) in CHARTS {
        text.lines(0, "\n");
        text.line(0, &format!("class {name}({base}):"));
        text.line(1, &format!("\"\"\"{doc}\"\"\""));
        text.lines(1, "\n__slots__ = ()");
        if !elements.is_empty() {
            text.lines(1, "\n@property");
            text.line(1, &format!("def elements(self) -> list[{elements}]:"));
            text.line(2, "\"\"\"What it consists of.\"\"\"");
            text.line(2, "return self._elements");
        }
    }
    text.lines(0, "\n\n_CLASSES: dict[str, tuple[type[Chart], Any]] = {");
    for (kind, chart, element) in KINDS {
        text.line(1, &format!("ChartType.{kind}: ({chart}, {element}),"));
    }
    text.line(0, "}");
    Ok(text.finish())
}

/// Annotation of a field that may be missing; lists are empty then.
fn optional(field: &Field) -> String {
    match (&field.ty, field.name.as_str()) {
        (_, "points") => "list[tuple[Any, Any]] | None".to_owned(),
        (_, "autopct") => "str | float | None".to_owned(),
        (Type::Json, _) => "Any".to_owned(),
        (ty, _) => format!("{} | None", annotation(ty)),
    }
}

fn doc(field: &Field) -> String {
    // The core says which kind of chart has it: here that is the class.
    let doc = field.doc.split_whitespace().collect::<Vec<_>>().join(" ");
    let own = doc.split_once(": ").filter(|(kind, _)| !kind.contains(' ') || kind.ends_with("scatter"));
    let own = own.map_or(doc.as_str(), |(_, own)| own);
    let mut letters = own.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn attributes(text: &mut Text, summary: &str, fields: &[&Field]) {
    let mut lines = vec![summary.to_owned(), String::new(), "Attributes:".to_owned()];
    for field in fields {
        let name = if field.name == "chart_type" { "type" } else { &field.name };
        let entry = fill(&format!("{name}: {}", doc(field)), 2, "    ");
        lines.extend(entry.into_iter().map(|line| format!("    {line}")));
    }
    docstring(text, 1, &lines);
}

fn assign(text: &mut Text, field: &Field) {
    let name = &field.name;
    match optional(field).strip_suffix(" | None").filter(|ty| ty.starts_with("list[")) {
        Some(list) => text.line(2, &format!("self.{name}: {list} = {name} or []")),
        None => text.line(2, &format!("self.{name} = {name}")),
    }
}

fn class(text: &mut Text, name: &str, base: &str, summary: &str, shared: &[&Field], own: &[&Field]) -> Result<()> {
    text.lines(0, "\n");
    text.line(0, &format!("class {name}({base}):"));
    let all: Vec<&Field> = shared.iter().chain(own).copied().collect();
    attributes(text, summary, &all);
    let slots = if own.is_empty() { &all[..] } else { own };
    let slots: Vec<String> = slots.iter().map(|f| format!("\"{}\"", f.name)).collect();
    text.line(0, "");
    text.line(1, &format!("__slots__ = ({}{})", slots.join(", "), if slots.len() == 1 { "," } else { "" }));
    text.line(0, "");
    let mut parameters = vec!["self".to_owned()];
    parameters.extend(all.iter().map(|f| format!("{}: {} = None", f.name, optional(f))));
    text.list(1, "def __init__(", &parameters, ") -> None:");
    if own.is_empty() {
        text.line(2, "self.label = label");
    } else {
        text.line(2, "super().__init__(label)");
    }
    for field in own {
        assign(text, field);
    }
    Ok(())
}

/// The class of all figures.
fn figure(text: &mut Text, fields: &[Field]) {
    text.lines(0, "\n\nclass Chart(Model):");
    attributes(text, "A figure: its picture and, for the known kinds, its data.", &fields.iter().collect::<Vec<_>>());
    let named = ["chart_type", "title", "png", "elements"];
    let axes: Vec<&Field> = fields.iter().filter(|f| !named.contains(&f.name.as_str())).collect();
    let slots = ["_elements", "png", "title", "type"].into_iter().chain(axes.iter().map(|f| f.name.as_str()));
    let mut slots: Vec<String> = slots.map(|name| format!("\"{name}\"")).collect();
    slots.sort();
    text.line(0, "");
    text.list(1, "__slots__ = (", &slots, ")");
    text.line(0, "");
    let mut parameters: Vec<String> = ["self", "type: ChartType", "title: str | None = None", "png: str | None = None"]
        .iter()
        .chain(&["elements: Sequence[Any] = ()", "*"])
        .map(|p| (*p).to_owned())
        .collect();
    parameters.extend(axes.iter().map(|f| format!("{}: {} = None", f.name, optional(f))));
    text.list(1, "def __init__(", &parameters, ") -> None:");
    text.lines(2, "self.type = type\nself.title = title\nself.png = png\nself._elements: list[Any] = list(elements)");
    for field in &axes {
        assign(text, field);
    }
    text.lines(
        1,
        r#"
@property
def elements(self) -> Sequence[Any]:
    """Lines, bars, slices, boxes; the charts of a composite."""
    return self._elements

def __eq__(self, other: object) -> bool:
    return super().__eq__(other) is True and isinstance(other, Chart) and self._elements == other._elements

def __repr__(self) -> str:
    size = "None" if self.png is None else f"<{len(self.png)} characters>"
    return f"{type(self).__name__}(title={self.title!r}, elements={self._elements!r}, png={size})"

@classmethod
def from_wire(cls, wire: dict[str, Any]) -> Chart:
    """Reads it from the core's JSON: the class follows the kind."""
    get = wire.get
    kind = ChartType(wire["type"])
    chart_class, element = _CLASSES.get(kind, (Chart, None))
    elements = [] if element is None else [element.from_wire(item) for item in get("elements") or ()]"#,
    );
    let mut arguments: Vec<String> =
        ["kind", "get(\"title\")", "get(\"png\")", "elements"].iter().map(|a| (*a).to_owned()).collect();
    arguments.extend(axes.iter().map(|f| format!("{0}=get(\"{0}\")", f.name)));
    text.list(2, "return chart_class(", &arguments, ")");
}
