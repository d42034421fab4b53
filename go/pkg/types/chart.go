package types

import "encoding/json"

// Chart is a figure that a program showed with matplotlib: its picture and, for the known kinds, its data.
type Chart struct {
	// Type is the kind of chart, which decides what Elements is.
	Type ChartType
	// Title of the figure.
	Title string
	// Elements is []PointData for lines and scatter plots, []BarData, []PieData, []BoxAndWhiskerData, or []Chart for a
	// composite chart; nil for other kinds.
	Elements any
	// PNG is the picture as base64, or nil.
	PNG *string
	// XLabel is the label of the x axis.
	XLabel string
	// YLabel is the label of the y axis.
	YLabel string
	// XTicks are the positions of the x axis' ticks: float64, or dates as ISO 8601.
	XTicks []any
	// YTicks are the positions of the y axis' ticks: float64, or dates as ISO 8601.
	YTicks []any
	// XTickLabels are the labels of the x axis' ticks.
	XTickLabels []string
	// YTickLabels are the labels of the y axis' ticks.
	YTickLabels []string
	// XScale is linear, log, datetime, categorical, …
	XScale string
	// YScale is the scale of the y axis.
	YScale string
}

// PointData is a line, or a group of points.
type PointData struct {
	// Label of the line.
	Label string `json:"label"`
	// Points are pairs of x and y: float64, or dates as ISO 8601.
	Points [][]any `json:"points"`
}

// BarData is a bar.
type BarData struct {
	// Label of the bar.
	Label string `json:"label"`
	// Group it belongs to.
	Group string `json:"group"`
	// Value is a float64 or a string.
	Value any `json:"value"`
}

// PieData is a slice of a pie.
type PieData struct {
	// Label of the slice.
	Label string `json:"label"`
	// Angle in degrees.
	Angle float64 `json:"angle"`
	// Radius of the pie.
	Radius float64 `json:"radius"`
	// Autopct is the text on the slice or its format, or nil.
	Autopct any `json:"autopct"`
}

// BoxAndWhiskerData is a box.
type BoxAndWhiskerData struct {
	// Label of the box.
	Label string `json:"label"`
	// Min is the lower whisker.
	Min float64 `json:"min"`
	// FirstQuartile is the lower edge.
	FirstQuartile float64 `json:"first_quartile"`
	// Median is the line in the middle.
	Median float64 `json:"median"`
	// ThirdQuartile is the upper edge.
	ThirdQuartile float64 `json:"third_quartile"`
	// Max is the upper whisker.
	Max float64 `json:"max"`
	// Outliers are the points beyond the whiskers.
	Outliers []float64 `json:"outliers"`
}

// UnmarshalJSON reads the wire's form.
func (c *Chart) UnmarshalJSON(data []byte) error {
	var wire struct {
		Type        ChartType       `json:"type"`
		Title       string          `json:"title"`
		Elements    json.RawMessage `json:"elements"`
		PNG         *string         `json:"png"`
		XLabel      string          `json:"x_label"`
		YLabel      string          `json:"y_label"`
		XTicks      []any           `json:"x_ticks"`
		YTicks      []any           `json:"y_ticks"`
		XTickLabels []string        `json:"x_tick_labels"`
		YTickLabels []string        `json:"y_tick_labels"`
		XScale      string          `json:"x_scale"`
		YScale      string          `json:"y_scale"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	elements, err := chartElements(wire.Type, wire.Elements)
	*c = Chart{
		Type: wire.Type, Title: wire.Title, Elements: elements, PNG: wire.PNG, XLabel: wire.XLabel, YLabel: wire.YLabel,
		XTicks: wire.XTicks, YTicks: wire.YTicks, XTickLabels: wire.XTickLabels, YTickLabels: wire.YTickLabels,
		XScale: wire.XScale, YScale: wire.YScale,
	}
	return err
}

func chartElements(kind ChartType, data json.RawMessage) (any, error) {
	switch kind {
	case ChartTypeLine, ChartTypeScatter:
		return elementsOf[PointData](data)
	case ChartTypeBar:
		return elementsOf[BarData](data)
	case ChartTypePie:
		return elementsOf[PieData](data)
	case ChartTypeBoxAndWhisker:
		return elementsOf[BoxAndWhiskerData](data)
	case ChartTypeCompositeChart:
		return elementsOf[Chart](data)
	}
	return nil, nil
}

func elementsOf[T any](data json.RawMessage) ([]T, error) {
	var elements []T
	if len(data) == 0 {
		return nil, nil
	}
	err := json.Unmarshal(data, &elements)
	return elements, err
}
