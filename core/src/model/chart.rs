//! Charts that a program showed with matplotlib (wire.md 6).

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Json, null_as_default};

/// Kind of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartType {
    /// Lines through points.
    Line,
    /// Points.
    Scatter,
    /// Bars.
    Bar,
    /// A pie.
    Pie,
    /// Boxes and whiskers.
    BoxAndWhisker,
    /// Several charts in one figure.
    CompositeChart,
    /// A figure of another kind, which has only its picture.
    #[default]
    #[serde(rename = "unknown")]
    UnknownChart,
    /// A kind this version does not know, as the server named it.
    #[serde(untagged)]
    Other(String),
}

/// A figure: its picture and, for the known kinds, its data.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chart {
    /// Kind.
    #[serde(rename = "type")]
    pub chart_type: ChartType,
    /// Title.
    pub title: Option<String>,
    /// The picture: PNG as base64.
    pub png: Option<String>,
    /// Label of the x axis.
    pub x_label: Option<String>,
    /// Label of the y axis.
    pub y_label: Option<String>,
    /// Positions of the x axis' ticks: numbers; dates as the server sends them, in seconds since 1970 or as text.
    pub x_ticks: Option<Vec<Json>>,
    /// Positions of the y axis' ticks: numbers; dates as the server sends them, in seconds since 1970 or as text.
    pub y_ticks: Option<Vec<Json>>,
    /// Labels of the x axis' ticks.
    pub x_tick_labels: Option<Vec<String>>,
    /// Labels of the y axis' ticks.
    pub y_tick_labels: Option<Vec<String>>,
    /// Scale of the x axis: `linear`, `log`, `datetime`, `categorical`, …
    pub x_scale: Option<String>,
    /// Scale of the y axis.
    pub y_scale: Option<String>,
    /// Lines, bars, slices, boxes; the charts of a composite.
    #[serde(deserialize_with = "null_as_default")]
    pub elements: Vec<ChartElement>,
}

/// A part of a chart. Which fields are set depends on the chart's kind; an element of a composite is itself a chart.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChartElement {
    /// Label.
    pub label: Option<String>,
    /// Line and scatter: pairs of x and y.
    pub points: Option<Vec<Vec<Json>>>,
    /// Bar: the group it belongs to.
    pub group: Option<String>,
    /// Bar: its value, a number or text.
    pub value: Option<Json>,
    /// Pie: angle in degrees.
    pub angle: Option<f64>,
    /// Pie: radius.
    pub radius: Option<f64>,
    /// Pie: the text on the slice, or its format.
    pub autopct: Option<Json>,
    /// Box: lower whisker.
    pub min: Option<f64>,
    /// Box: lower edge.
    pub first_quartile: Option<f64>,
    /// Box: line in the middle.
    pub median: Option<f64>,
    /// Box: upper edge.
    pub third_quartile: Option<f64>,
    /// Box: upper whisker.
    pub max: Option<f64>,
    /// Box: points beyond the whiskers.
    pub outliers: Option<Vec<f64>>,
    /// Composite: kind of the chart.
    #[serde(rename = "type")]
    pub chart_type: Option<ChartType>,
    /// Composite: title of the chart.
    pub title: Option<String>,
    /// Composite: the chart's own picture.
    pub png: Option<String>,
    /// Composite: label of the x axis.
    pub x_label: Option<String>,
    /// Composite: label of the y axis.
    pub y_label: Option<String>,
    /// Composite: positions of the x axis' ticks.
    pub x_ticks: Option<Vec<Json>>,
    /// Composite: positions of the y axis' ticks.
    pub y_ticks: Option<Vec<Json>>,
    /// Composite: labels of the x axis' ticks.
    pub x_tick_labels: Option<Vec<String>>,
    /// Composite: labels of the y axis' ticks.
    pub y_tick_labels: Option<Vec<String>>,
    /// Composite: scale of the x axis.
    pub x_scale: Option<String>,
    /// Composite: scale of the y axis.
    pub y_scale: Option<String>,
    /// Composite: parts of the chart.
    pub elements: Option<Vec<ChartElement>>,
}
