# Runs a program and prints every figure it shows as an artifact line: kind, labels, ticks, data and picture.
# The program is put in place of the marker below; it runs as __main__ and sees nothing of this file.
import base64 as _base64
import sys as _sys


def _daytona_charts():
    import hashlib
    import io
    import json
    import math

    PREFIX = "dtn_artifact_k39fd2:"
    seen = set()

    # The contract's charts hold numbers and text in fixed places, and SDKs refuse a whole answer for one that is elsewhere.

    def number(value):
        """A finite number, or None."""
        try:
            value = value.item() if hasattr(value, "item") else value
            return value if isinstance(value, (int, float)) and math.isfinite(value) else None
        except ValueError:
            return None

    def text(value):
        """A bar's value, which the contract has as text: "3" rather than "3.0"."""
        value = number(value)
        if value is None:
            return None
        return str(int(value)) if value == int(value) else repr(value)

    def visible(label):
        label = str(label) if label is not None else ""
        return "" if label.startswith("_") else label

    def is_date(axis):
        from matplotlib import dates

        return isinstance(axis.get_converter() if hasattr(axis, "get_converter") else axis.converter,
                          (dates._SwitchableDateConverter, dates.DateConverter, dates.ConciseDateConverter)) or isinstance(
            axis.get_major_formatter(), (dates.AutoDateFormatter, dates.DateFormatter, dates.ConciseDateFormatter)
        )

    def is_category(axis):
        from matplotlib import category

        converter = axis.get_converter() if hasattr(axis, "get_converter") else axis.converter
        return isinstance(converter, category.StrCategoryConverter)

    def scale(axis):
        if is_date(axis):
            return "datetime"
        if is_category(axis):
            return "categorical"
        return axis.get_scale()

    def coordinate(axis):
        """From positions on an axis to numbers: seconds since 1970 for dates, the place in the row for categories."""
        if not is_date(axis):
            return number
        from matplotlib import dates

        def seconds(value):
            value = number(value)
            return None if value is None else dates.num2date(value).timestamp()

        return seconds

    def ticks(axis):
        to = coordinate(axis)
        return [position for position in map(to, axis.get_ticklocs()) if position is not None]

    def points(pairs, axes):
        """Pairs of numbers; gaps are left out."""
        x, y = coordinate(axes.xaxis), coordinate(axes.yaxis)
        found = [[x(a), y(b)] for a, b in pairs]
        return [point for point in found if None not in point]

    def two_dimensional(axes):
        return {
            "x_label": axes.get_xlabel(),
            "y_label": axes.get_ylabel(),
            "x_ticks": ticks(axes.xaxis),
            "y_ticks": ticks(axes.yaxis),
            "x_tick_labels": [label.get_text() for label in axes.get_xticklabels()],
            "y_tick_labels": [label.get_text() for label in axes.get_yticklabels()],
            "x_scale": scale(axes.xaxis),
            "y_scale": scale(axes.yaxis),
        }

    def boxes(axes):
        """Boxes and whiskers remembered when they were drawn: the artists no longer tell them apart."""
        return getattr(axes, "_daytona_boxes", [])

    def pies(axes):
        from matplotlib.patches import Wedge

        return [patch for patch in axes.patches if isinstance(patch, Wedge)]

    def bars(axes):
        from matplotlib.container import BarContainer

        return [container for container in axes.containers if isinstance(container, BarContainer)]

    def without_empty(chart):
        """A chart says nothing of what it does not have; only its elements are always there."""
        return {key: value for key, value in chart.items() if value not in ("", []) or key == "elements"}

    def describe(axes):
        return without_empty(described(axes))

    def described(axes):
        chart = {"title": axes.get_title()}
        if boxes(axes):
            names = [label.get_text() for label in axes.get_xticklabels()]
            for index, element in enumerate(boxes(axes)):
                if not element["label"] and index < len(names):
                    element["label"] = names[index]
            chart.update(type="box_and_whisker", elements=boxes(axes), **two_dimensional(axes))
        elif pies(axes):
            remembered = getattr(axes, "_daytona_autopct", None)
            elements = []
            for index, wedge in enumerate(pies(axes)):
                label = visible(wedge.get_label())
                element = {"label": label, "angle": number(abs(wedge.theta2 - wedge.theta1)), "radius": number(wedge.r)}
                if remembered:
                    element["autopct"] = remembered[index] if index < len(remembered) else None
                elements.append(element)
            chart.update(type="pie", elements=elements)
        elif bars(axes):
            labels = [label.get_text() for label in axes.get_xticklabels()]
            groups = bars(axes)
            elements = []
            for container in groups:
                sideways = getattr(container, "orientation", "vertical") == "horizontal"
                names = [label.get_text() for label in axes.get_yticklabels()] if sideways else labels
                for index, patch in enumerate(container.patches):
                    value = patch.get_width() if sideways else patch.get_height()
                    name = names[index] if len(names) == len(container.patches) else str(index)
                    elements.append({"label": name, "group": visible(container.get_label()), "value": text(value)})
            chart.update(type="bar", elements=elements, **two_dimensional(axes))
        elif axes.lines:
            elements = [
                {"label": visible(line.get_label()), "points": points(line.get_xydata(), axes)}
                for line in axes.lines
            ]
            chart.update(type="line", elements=elements, **two_dimensional(axes))
        elif axes.collections:
            elements = [
                {"label": visible(group.get_label()), "points": points(group.get_offsets(), axes)}
                for group in axes.collections
                if len(group.get_offsets())
            ]
            chart.update(type="scatter" if elements else "unknown", elements=elements, **two_dimensional(axes))
        else:
            chart.update(type="unknown", elements=[])
        return chart

    def picture(figure, dpi):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
        return buffer.getvalue()

    def show_figure(figure):
        fingerprint = hashlib.md5(picture(figure, 50)).hexdigest()
        if fingerprint in seen:
            return
        seen.add(fingerprint)
        # Ticks and their labels are known only after drawing.
        figure.canvas.draw()
        drawn = [axes for axes in figure.axes if axes.has_data() or boxes(axes)]
        if len(drawn) == 1:
            chart = describe(drawn[0])
        else:
            title = figure._suptitle.get_text() if figure._suptitle else ""
            kind = "composite_chart" if drawn else "unknown"
            chart = without_empty({"type": kind, "title": title, "elements": [describe(axes) for axes in drawn]})
        chart["png"] = _base64.b64encode(picture(figure, "figure")).decode()
        # Not where a program may have redirected its own output to.
        _sys.stdout.flush()
        _sys.__stdout__.write(PREFIX + json.dumps({"type": "chart", "value": chart}, allow_nan=False) + "\n")
        _sys.__stdout__.flush()

    def patch(pyplot):
        from matplotlib.axes import Axes

        def show(*_, **__):
            for number in pyplot.get_fignums():
                show_figure(pyplot.figure(number))

        def remember_boxes(original):
            def bxp(axes, bxpstats, *args, **kwargs):
                names = kwargs.get("label")
                elements = getattr(axes, "_daytona_boxes", [])
                for stats in bxpstats:
                    elements.append({
                        "label": str(stats.get("label", "") or names or ""),
                        "min": number(stats["whislo"]),
                        "first_quartile": number(stats["q1"]),
                        "median": number(stats["med"]),
                        "third_quartile": number(stats["q3"]),
                        "max": number(stats["whishi"]),
                        "outliers": [value for value in map(number, stats.get("fliers", [])) if value is not None],
                    })
                axes._daytona_boxes = elements
                return original(axes, bxpstats, *args, **kwargs)

            return bxp

        def remember_slices(original):
            def pie(axes, *args, **kwargs):
                drawn = original(axes, *args, **kwargs)
                # Wedges, labels and percentages, if there are any: a tuple until matplotlib 3.10, since then a container of them.
                parts = list(drawn)
                texts = parts[2] if len(parts) > 2 else []
                axes._daytona_autopct = [text.get_text() for text in texts]
                return drawn

            return pie

        Axes.bxp = remember_boxes(Axes.bxp)
        Axes.pie = remember_slices(Axes.pie)
        pyplot.show = show

    import os

    os.environ.setdefault("MPLBACKEND", "Agg")
    return patch


def _daytona_import_hook(patch):
    """Patches pyplot when the program imports it, so that a program that does not pays nothing."""
    import importlib.abc
    import importlib.machinery

    class Loader(importlib.abc.Loader):
        def __init__(self, loader):
            self.loader = loader

        def create_module(self, spec):
            return self.loader.create_module(spec)

        def exec_module(self, module):
            self.loader.exec_module(module)
            patch(module)

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name != "matplotlib.pyplot":
                return None
            _sys.meta_path.remove(self)
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec is not None and spec.loader is not None:
                spec.loader = Loader(spec.loader)
            return spec

    _sys.meta_path.insert(0, Finder())


_daytona_import_hook(_daytona_charts())
_daytona_own = _sys.modules["__main__"]
_sys.modules["__main__"] = _daytona_main = type(_sys)("__main__")
_daytona_main.__dict__["__builtins__"] = __builtins__
try:
    exec(compile(_base64.b64decode("__DAYTONA_CODE__"), "<target_code>", "exec"), _daytona_main.__dict__)
except Exception:
    import traceback as _traceback

    _kind, _value, _trace = _sys.exc_info()
    _frames = [frame for frame in _traceback.extract_tb(_trace) if frame.filename == "<target_code>"]
    _sys.stderr.write("Traceback (most recent call last):\n")
    _sys.stderr.write("".join(_traceback.format_list(_frames)))
    _sys.stderr.write("".join(_traceback.format_exception_only(_kind, _value)))
    _sys.stderr.flush()
    _sys.exit(1)
