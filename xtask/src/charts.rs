//! What kinds of charts there are: the core has one struct for all, whose kind says which fields are set.

/// Kinds of parts of charts, and their fields besides the label.
pub const ELEMENTS: [(&str, &[&str]); 4] = [
    ("PointData", &["points"]),
    ("BarData", &["group", "value"]),
    ("PieData", &["angle", "radius", "autopct"]),
    ("BoxAndWhiskerData", &["min", "first_quartile", "median", "third_quartile", "max", "outliers"]),
];

/// Kinds of charts by the value of `ChartType`, and what they consist of.
pub const KINDS: [(&str, &str); 6] = [
    ("Line", "PointData"),
    ("Scatter", "PointData"),
    ("Bar", "BarData"),
    ("Pie", "PieData"),
    ("BoxAndWhisker", "BoxAndWhiskerData"),
    ("CompositeChart", "Chart"),
];
