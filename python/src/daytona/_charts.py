"""Charts that a program showed with matplotlib, as typed objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._model import Model
from .generated.enums import ChartType

if TYPE_CHECKING:
    from collections.abc import Sequence


class ChartElement(Model):
    """Base of what a chart consists of."""

    __slots__ = ("label",)

    def __init__(self, label: str | None = None) -> None:
        self.label = label


class PointData(ChartElement):
    """Points that belong together: a line, or the points of one colour.

    Attributes:
        label: Label.
        points: Pairs of x and y: numbers, or dates and categories as text.
    """

    __slots__ = ("points",)

    def __init__(self, label: str | None = None, points: list[tuple[Any, Any]] | None = None) -> None:
        super().__init__(label)
        self.points: list[tuple[Any, Any]] = points or []


class BarData(ChartElement):
    """A bar.

    Attributes:
        label: Label.
        group: The group it belongs to.
        value: Its value, a number or text.
    """

    __slots__ = ("group", "value")

    def __init__(self, label: str | None = None, group: str | None = None, value: Any = None) -> None:
        super().__init__(label)
        self.group = group
        self.value = value


class PieData(ChartElement):
    """A slice of a pie.

    Attributes:
        label: Label.
        angle: Angle in degrees.
        radius: Radius.
        autopct: The text on the slice, or its format.
    """

    __slots__ = ("angle", "autopct", "radius")

    def __init__(
        self,
        label: str | None = None,
        angle: float | None = None,
        radius: float | None = None,
        autopct: str | float | None = None,
    ) -> None:
        super().__init__(label)
        self.angle = angle
        self.radius = radius
        self.autopct = autopct


class BoxAndWhiskerData(ChartElement):
    """A box with whiskers.

    Attributes:
        label: Label.
        min: Lower whisker.
        first_quartile: Lower edge of the box.
        median: Line in the box.
        third_quartile: Upper edge of the box.
        max: Upper whisker.
        outliers: Points beyond the whiskers.
    """

    __slots__ = ("first_quartile", "max", "median", "min", "outliers", "third_quartile")

    def __init__(
        self,
        label: str | None = None,
        min: float | None = None,
        first_quartile: float | None = None,
        median: float | None = None,
        third_quartile: float | None = None,
        max: float | None = None,
        outliers: list[float] | None = None,
    ) -> None:
        super().__init__(label)
        self.min = min
        self.first_quartile = first_quartile
        self.median = median
        self.third_quartile = third_quartile
        self.max = max
        self.outliers: list[float] = outliers or []


class Chart(Model):
    """A figure: its picture and, for the known kinds, its data.

    Attributes:
        type: Kind.
        title: Title.
        png: The picture: PNG as base64.
        elements: Lines, bars, slices, boxes; the charts of a composite.
        x_label: Label of the x axis.
        y_label: Label of the y axis.
        x_ticks: Positions of the x axis' ticks: numbers, or dates as ISO 8601.
        y_ticks: Positions of the y axis' ticks: numbers, or dates as ISO 8601.
        x_tick_labels: Labels of the x axis' ticks.
        y_tick_labels: Labels of the y axis' ticks.
        x_scale: Scale of the x axis: `linear`, `log`, `datetime`, `categorical`, …
        y_scale: Scale of the y axis.
    """

    __slots__ = (
        "_elements",
        "png",
        "title",
        "type",
        "x_label",
        "x_scale",
        "x_tick_labels",
        "x_ticks",
        "y_label",
        "y_scale",
        "y_tick_labels",
        "y_ticks",
    )

    def __init__(
        self,
        type: ChartType,
        title: str | None = None,
        png: str | None = None,
        elements: Sequence[Any] = (),
        *,
        x_label: str | None = None,
        y_label: str | None = None,
        x_ticks: list[Any] | None = None,
        y_ticks: list[Any] | None = None,
        x_tick_labels: list[str] | None = None,
        y_tick_labels: list[str] | None = None,
        x_scale: str | None = None,
        y_scale: str | None = None,
    ) -> None:
        self.type = type
        self.title = title
        self.png = png
        self._elements: list[Any] = list(elements)
        self.x_label = x_label
        self.y_label = y_label
        self.x_ticks: list[Any] = x_ticks or []
        self.y_ticks: list[Any] = y_ticks or []
        self.x_tick_labels: list[str] = x_tick_labels or []
        self.y_tick_labels: list[str] = y_tick_labels or []
        self.x_scale = x_scale
        self.y_scale = y_scale

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
        return chart_class(
            kind,
            get("title"),
            get("png"),
            [] if element is None else [element(item) for item in get("elements") or ()],
            x_label=get("x_label"),
            y_label=get("y_label"),
            x_ticks=get("x_ticks"),
            y_ticks=get("y_ticks"),
            x_tick_labels=get("x_tick_labels"),
            y_tick_labels=get("y_tick_labels"),
            x_scale=get("x_scale"),
            y_scale=get("y_scale"),
        )


class Chart2D(Chart):
    """A chart with two axes."""

    __slots__ = ()


class PointChart(Chart2D):
    """A chart of points."""

    __slots__ = ()

    @property
    def elements(self) -> list[PointData]:
        """Points that belong together."""
        return self._elements


class LineChart(PointChart):
    """Lines."""

    __slots__ = ()


class ScatterChart(PointChart):
    """Scattered points."""

    __slots__ = ()


class BarChart(Chart2D):
    """Bars."""

    __slots__ = ()

    @property
    def elements(self) -> list[BarData]:
        """The bars."""
        return self._elements


class PieChart(Chart):
    """A pie."""

    __slots__ = ()

    @property
    def elements(self) -> list[PieData]:
        """The slices."""
        return self._elements


class BoxAndWhiskerChart(Chart2D):
    """Boxes with whiskers."""

    __slots__ = ()

    @property
    def elements(self) -> list[BoxAndWhiskerData]:
        """The boxes."""
        return self._elements


class CompositeChart(Chart):
    """Several charts in one figure."""

    __slots__ = ()

    @property
    def elements(self) -> list[Chart]:
        """The charts."""
        return self._elements


def _points(wire: dict[str, Any]) -> PointData:
    return PointData(wire.get("label"), [(x, y) for x, y, *_ in wire.get("points") or ()])


def _bar(wire: dict[str, Any]) -> BarData:
    return BarData(wire.get("label"), wire.get("group"), wire.get("value"))


def _slice(wire: dict[str, Any]) -> PieData:
    return PieData(wire.get("label"), wire.get("angle"), wire.get("radius"), wire.get("autopct"))


def _box(wire: dict[str, Any]) -> BoxAndWhiskerData:
    names = ("label", "min", "first_quartile", "median", "third_quartile", "max", "outliers")
    return BoxAndWhiskerData(*(wire.get(name) for name in names))


_CLASSES: dict[str, tuple[type[Chart], Any]] = {
    ChartType.LINE: (LineChart, _points),
    ChartType.SCATTER: (ScatterChart, _points),
    ChartType.BAR: (BarChart, _bar),
    ChartType.PIE: (PieChart, _slice),
    ChartType.BOX_AND_WHISKER: (BoxAndWhiskerChart, _box),
    ChartType.COMPOSITE_CHART: (CompositeChart, Chart.from_wire),
}
