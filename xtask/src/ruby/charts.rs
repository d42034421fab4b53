//! Charts as classes of their own: the core has one struct with the fields of every kind.

use anyhow::{Context, Result};

use super::models::yard;
use super::signatures::rbs;
use super::{Body, field_name, header};
use crate::schema::{Field, Schema};

/// Where charts and their elements are in the core.
const CHART: &str = "Chart";
const ELEMENT: &str = "ChartElement";

/// Classes of elements: name, documentation, fields.
const ELEMENTS: [(&str, &str, &[&str]); 4] = [
    ("PointData", "Lines or points.", &["label", "points"]),
    ("BarData", "A bar.", &["label", "value", "group"]),
    ("PieData", "A slice of a pie.", &["label", "angle", "radius", "autopct"]),
    (
        "BoxAndWhiskerData",
        "A box with whiskers. Its `min` and `max` are the ends of the whiskers, not those of Enumerable.",
        &["label", "min", "first_quartile", "median", "third_quartile", "max", "outliers"],
    ),
];

/// Classes of figures: name, base, documentation, fields of its own.
const FIGURES: [(&str, &str, &str, &[&str]); 8] = [
    ("Chart2D", "Chart", "A figure with axes.", &["x_label", "y_label"]),
    (
        "PointChart",
        "Chart2D",
        "A figure of points.",
        &["x_ticks", "y_ticks", "x_tick_labels", "y_tick_labels", "x_scale", "y_scale"],
    ),
    ("LineChart", "PointChart", "Lines; elements are {PointData}.", &[]),
    ("ScatterChart", "PointChart", "Points; elements are {PointData}.", &[]),
    ("BarChart", "Chart2D", "Bars; elements are {BarData}.", &[]),
    ("PieChart", "Chart", "A pie; elements are {PieData}.", &[]),
    ("BoxAndWhiskerChart", "Chart2D", "Boxes; elements are {BoxAndWhiskerData}.", &[]),
    ("CompositeChart", "Chart", "Several charts in one figure; elements are charts.", &[]),
];

/// Fields of every figure.
const FIGURE: [&str; 4] = ["type", "title", "png", "elements"];

/// Kinds: value of `ChartType`, class, class of its elements.
const KINDS: [(&str, &str, &str); 6] = [
    ("LINE", "LineChart", "PointData"),
    ("SCATTER", "ScatterChart", "PointData"),
    ("BAR", "BarChart", "BarData"),
    ("PIE", "PieChart", "PieData"),
    ("BOX_AND_WHISKER", "BoxAndWhiskerChart", "BoxAndWhiskerData"),
    ("COMPOSITE_CHART", "CompositeChart", ""),
];

fn field<'a>(schema: &'a Schema, owner: &str, name: &str) -> Result<&'a Field> {
    let item = schema.structure(owner).with_context(|| format!("there is no struct {owner}"))?;
    let found = item.fields.iter().find(|field| field_name(owner, &field.name) == name);
    found.with_context(|| format!("{owner} has no field {name}"))
}

/// The source of the classes.
pub fn classes(schema: &Schema) -> Result<String> {
    let mut body = Body::new(&header("core/src/model"), &["module Daytona"]);
    for (name, doc, fields) in ELEMENTS {
        body.comment(doc);
        members(&mut body, schema, ELEMENT, fields)?;
        let shadows = fields.contains(&"min");
        if shadows {
            body.line("# rubocop:disable Lint/StructNewOverride");
        }
        body.line(&format!("{name} = Struct.new({})", symbols(fields)));
        if shadows {
            body.line("# rubocop:enable Lint/StructNewOverride");
        }
        body.blank();
    }
    body.comment("A figure.");
    members(&mut body, schema, CHART, &FIGURE)?;
    body.line(&format!(
        "class Chart < Struct.new({}, keyword_init: true) # rubocop:disable Style/StructInheritance",
        symbols(&FIGURE)
    ));
    body.depth += 1;
    body.open("def initialize(type: nil, title: nil, png: nil, elements: [])");
    body.line("super");
    body.close();
    body.close();
    for (name, base, doc, fields) in FIGURES {
        body.blank();
        body.comment(doc);
        if fields.is_empty() {
            body.line(&format!("class {name} < {base}; end"));
            continue;
        }
        body.open(&format!("class {name} < {base}"));
        for name in fields {
            let field = field(schema, CHART, name)?;
            body.tagged(&format!("@return [{}] {}", yard(&field.ty, true), field.doc), "  ");
            body.line(&format!("attr_accessor :{name}"));
            body.blank();
        }
        body.comment("Every argument is the attribute of the same name.");
        let mut arguments: Vec<_> = fields.iter().map(|name| format!("{name}: nil")).collect();
        arguments.push("**attributes".to_owned());
        body.list("def initialize(", &arguments, ")");
        body.depth += 1;
        body.line("super(**attributes)");
        fields.iter().for_each(|name| body.line(&format!("@{name} = {name}")));
        body.close();
        body.blank();
        body.line("# @return [Hash{Symbol => Object}]");
        body.open("def to_h");
        let entries: Vec<_> = fields.iter().map(|name| format!("{name}: {name}")).collect();
        body.list("super.merge(", &entries, ")");
        body.close();
        body.close();
    }
    body.blank();
    body.comment("Makes charts of what the server describes.");
    body.open("module Charts");
    table(&mut body, "CLASSES", KINDS.iter().map(|(kind, class, _)| (*kind, *class)));
    table(&mut body, "DATA", KINDS.iter().filter(|(.., data)| !data.is_empty()).map(|(kind, _, data)| (*kind, *data)));
    let attributes = FIGURES.iter().filter(|(.., fields)| !fields.is_empty());
    body.line("ATTRIBUTES = {");
    body.line(&format!("  Chart => %i[{}],", FIGURE[..3].join(" ")));
    let lines: Vec<_> = attributes.map(|(name, .., fields)| format!("  {name} => %i[{}]", fields.join(" "))).collect();
    body.line(&lines.join(&format!(",\n{}", " ".repeat(body.depth * 2))));
    body.line("}.freeze");
    body.line("private_constant :CLASSES, :DATA, :ATTRIBUTES");
    body.blank();
    body.line("module_function");
    body.blank();
    body.line("# @param chart [ChartInfo, ChartElement, Hash]");
    body.line("# @return [Chart] Of the class that fits its kind; a plain {Chart} for kinds unknown to this version.");
    body.open("def parse_chart(chart)");
    body.line("chart = ChartInfo.from_wire(chart.transform_keys(&:to_s), []) if chart.is_a?(Hash)");
    body.line("type = CLASSES.fetch(chart.type, Chart)");
    body.line("names = ATTRIBUTES.select { |owner, _| type <= owner }.values.flatten");
    body.line("elements = (chart.elements || []).map { |element| map_element(element, chart.type) }");
    body.line("type.new(**names.to_h { |name| [name, chart.public_send(name)] }, elements: elements)");
    body.close();
    body.blank();
    body.line("# @param element [ChartElement]");
    body.line("# @param chart_type [String]");
    body.line("# @return [PointData, BarData, PieData, BoxAndWhiskerData, Chart, ChartElement]");
    body.open("def map_element(element, chart_type)");
    body.line("return parse_chart(element) if chart_type == ChartType::COMPOSITE_CHART");
    body.blank();
    body.line("data = DATA[chart_type]");
    body.line("data ? data.new(*data.members.map { |name| element.public_send(name) }) : element");
    body.close();
    Ok(body.finish())
}

fn symbols(fields: &[&str]) -> String {
    fields.iter().map(|name| format!(":{name}")).collect::<Vec<_>>().join(", ")
}

/// Documents the members of a Struct.
fn members(body: &mut Body, schema: &Schema, owner: &str, fields: &[&str]) -> Result<()> {
    body.line("#");
    for name in fields {
        let field = field(schema, owner, name)?;
        // In the core, the part before the colon says which kinds have it.
        let doc = field.doc.rsplit_once(": ").filter(|_| owner == ELEMENT).map_or(field.doc.as_str(), |(_, doc)| doc);
        let doc = super::methods::sentence(doc);
        body.tagged(&format!("@!attribute {name} [{}] {doc}", yard(&field.ty, true)), "  ");
    }
    Ok(())
}

fn table<'a>(body: &mut Body, name: &str, entries: impl Iterator<Item = (&'a str, &'a str)>) {
    let lines: Vec<_> = entries.map(|(kind, class)| format!("  ChartType::{kind} => {class}")).collect();
    body.line(&format!("{name} = {{"));
    body.line(&lines.join(&format!(",\n{}", " ".repeat(body.depth * 2))));
    body.line("}.freeze");
}

/// Their signatures.
pub fn signatures(schema: &Schema) -> Result<String> {
    let mut body = Body::new(&super::signatures::header("core/src/model"), &["module Daytona"]);
    for (name, doc, fields) in ELEMENTS {
        body.comment(doc);
        body.open(&format!("class {name} < Struct[untyped]"));
        let mut arguments = Vec::new();
        for name in fields {
            let field = field(schema, ELEMENT, name)?;
            body.line(&format!("attr_accessor {name}: {}", rbs(&field.ty, true)));
            arguments.push(format!("?{} {name}", rbs(&field.ty, true)));
        }
        body.list("def initialize: (", &arguments, ") -> void");
        body.close();
        body.blank();
    }
    let figures = [("Chart", "Struct[untyped]", "A figure.", &FIGURE[..])].into_iter().chain(FIGURES);
    for (i, (name, base, doc, fields)) in figures.enumerate() {
        if i > 0 {
            body.blank();
        }
        body.comment(doc);
        body.open(&format!("class {name} < {base}"));
        if !fields.is_empty() {
            let mut arguments = Vec::new();
            for name in fields {
                let field = field(schema, CHART, name)?;
                let ty = if *name == "elements" { "Array[untyped]".to_owned() } else { rbs(&field.ty, true) };
                body.line(&format!("attr_accessor {name}: {ty}"));
                arguments.push(format!("?{name}: {ty}"));
            }
            if i > 0 {
                arguments.push("**untyped attributes".to_owned());
            }
            body.list("def initialize: (", &arguments, ") -> void");
            if i > 0 {
                body.line("def to_h: () -> Hash[Symbol, untyped]");
            }
        }
        body.close();
    }
    Ok(body.finish())
}
