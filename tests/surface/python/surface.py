"""Compares the installed package with the public surface that `tests/surface/python.json` promises.

    python surface.py <surface file> <result file>

Prints a line per required symbol that is missing or differs, writes every symbol's result, and fails when there is such
a line. A form is a call that documents show: it is met when a call written that way is accepted, by position and by
keyword, with the documented defaults. Needs Python 3.11, which can tell overloads.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import json
import re
import sys
import textwrap
import typing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import daytona

NOTHING = inspect.Parameter.empty
# Packages whose modules exist once more under another name.
MIRRORS = [
    ("daytona_toolbox_api_client", "daytona_toolbox_api_client_async"),
    ("daytona_api_client", "daytona_api_client_async"),
    ("daytona", "daytona_sdk"),
]


@dataclass
class Form:
    """A documented call: its parameters, without `self`."""

    text: str
    parameters: list[inspect.Parameter]

    @classmethod
    def parse(cls, text: str) -> Form:
        arguments = ast.parse(f"lambda {text[1:-1]}: 0", mode="eval").body.args
        parameters = []
        positional = arguments.args
        defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
        groups = [
            (inspect.Parameter.POSITIONAL_OR_KEYWORD, zip(positional, defaults, strict=True)),
            (inspect.Parameter.KEYWORD_ONLY, zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)),
        ]
        if arguments.vararg:
            parameters.append(inspect.Parameter(arguments.vararg.arg, inspect.Parameter.VAR_POSITIONAL))
        for kind, group in groups:
            for argument, default in group:
                value = NOTHING if default is None else ast.literal_eval(default)
                parameters.append(inspect.Parameter(argument.arg, kind, default=value))
        return cls(text, parameters)

    def obstacle(self, candidates: list[inspect.Signature]) -> str | None:
        """Why the calls that the form stands for are not all taken: by position and by keyword, with what is optional
        and without. The first candidate is the implementation, the others are its overloads."""
        positional = [p for p in self.parameters if p.kind.name == "POSITIONAL_OR_KEYWORD"]
        for optional in (True, False):
            given = [p for p in self.parameters if optional or p.default is NOTHING]
            for by_position in (len(positional), 0):
                refusals = [refusal(given, by_position, candidate) for candidate in candidates]
                if all(refusals):
                    return refusals[0]
        for wanted in self.parameters:
            found = candidates[0].parameters.get(wanted.name)
            if wanted.default is NOTHING or found is None or found.default is NOTHING:
                continue
            # What is not given and what is false are the same to a caller.
            if found.default != wanted.default and (found.default or wanted.default):
                return f"{wanted.name} defaults to {found.default!r}, not {wanted.default!r}"
        return None


def refusal(given: list[inspect.Parameter], by_position: int, signature: inspect.Signature) -> str | None:
    """Why a signature does not take these arguments, the first `by_position` of them without their names."""
    parameters = signature.parameters
    free = [p for p in parameters.values() if p.kind.name in ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD")]
    named = {p.name for p in parameters.values() if p.kind.name in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")}
    kinds = {p.kind.name for p in parameters.values()}
    used: set[str] = set()
    index = 0
    for wanted in given:
        if wanted.kind.name == "VAR_POSITIONAL":
            if "VAR_POSITIONAL" not in kinds:
                return f"*{wanted.name} is not taken"
        elif wanted.kind.name == "POSITIONAL_OR_KEYWORD" and index < by_position:
            if index >= len(free):
                return f"no parameter {wanted.name} at position {index + 1}"
            elsewhere = [p.name for p in free if p is not free[index]]
            if free[index].name != wanted.name and wanted.name in elsewhere:
                return f"{wanted.name} is not parameter {index + 1}"
            used.add(free[index].name)
            index += 1
        elif wanted.name in named:
            used.add(wanted.name)
        elif wanted.name not in unpacked(signature):
            return f"no parameter {wanted.name}"
    for parameter in parameters.values():
        variadic = parameter.kind.name in ("VAR_POSITIONAL", "VAR_KEYWORD")
        if parameter.default is NOTHING and not variadic and parameter.name not in used:
            return f"{parameter.name} is required, too"
    return None


def unpacked(signature: inspect.Signature) -> set[str]:
    """Names that `**fields: Unpack[Fields]` takes."""
    for parameter in signature.parameters.values():
        if parameter.kind.name == "VAR_KEYWORD":
            return fields_of(str(parameter.annotation).removeprefix("Unpack[").removesuffix("]"))
    return set()


def fields_of(name: str) -> set[str]:
    """Fields of a TypedDict of the package, which exists for type checkers only and so is read from the source."""
    dictionary = typed_dictionaries().get(name)
    if dictionary is None:
        return set()
    fields = {item.target.id for item in dictionary.body if isinstance(item, ast.AnnAssign)}
    return fields.union(*(fields_of(base.id) for base in dictionary.bases if isinstance(base, ast.Name)))


@cache
def typed_dictionaries() -> dict[str, ast.ClassDef]:
    sources = Path(daytona.__file__).parent.rglob("*.py")
    nodes = (node for source in sources for node in ast.walk(ast.parse(source.read_text())))
    return {node.name: node for node in nodes if isinstance(node, ast.ClassDef) and node.keywords}


def signatures(function: object) -> list[inspect.Signature]:
    """The signature of a function without its `self`, then those of its overloads."""
    found = []
    for one in [function, *(typing.get_overloads(function) if inspect.isfunction(function) else [])]:
        signature = inspect.signature(one)
        parameters = list(signature.parameters.values())
        if parameters and parameters[0].name in ("self", "cls"):
            parameters = parameters[1:]
        found.append(signature.replace(parameters=parameters))
    return found


def check_forms(function: object, forms: list[str]) -> str | None:
    candidates = signatures(function)
    for text in forms:
        obstacle = Form.parse(text).obstacle(candidates)
        if obstacle:
            shown = " | ".join(str(c.replace(return_annotation=inspect.Signature.empty)) for c in candidates)
            return f"expected {text}: {obstacle}; found {shown}"
    return None


def has_attribute(owner: type, name: str) -> bool:
    """Whether instances have the attribute: a property, a slot, a field, or one that the constructor sets."""
    for cls in owner.__mro__:
        if name in vars(cls) or name in vars(cls).get("__annotations__", {}):
            return True
        constructor = vars(cls).get("__init__")
        if inspect.isfunction(constructor) and name in constructor.__code__.co_names and sets(constructor, name):
            return True
    return False


def sets(function: object, name: str) -> bool:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(
        isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store)
        for node in ast.walk(tree)
    )


class Report:
    def __init__(self, accepted: list[dict[str, str]]) -> None:
        self.accepted = {entry["name"]: entry["reason"] for entry in accepted}
        self.symbols: dict[str, dict[str, object]] = {}

    def add(self, name: str, capability: str, required: bool, result: str, detail: str | None = None) -> None:
        if result != "ok" and name in self.accepted:
            result, detail = "accepted", f"{self.accepted.pop(name)} ({detail or 'missing'})"
        entry = {"capability": capability, "required": required, "result": result}
        if detail:
            entry["detail"] = detail
        self.symbols[name] = entry

    def finish(self, path: Path) -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"language": "python", "symbols": self.symbols}, indent=1) + "\n")
        wrong = {n: s for n, s in self.symbols.items() if s["required"] and s["result"] in ("missing", "differs")}
        for name, entry in wrong.items():
            print(f"{entry['result']}: {name}: {entry.get('detail', '')}".rstrip(": "))
        for name in self.accepted:
            print(f"accepted without need: {name}")
        later = sum(not s["required"] and s["result"] != "ok" for s in self.symbols.values())
        print(f"python: {len(self.symbols)} symbols, {len(wrong)} missing or different, {later} to come")
        return 1 if wrong or self.accepted else 0


def check(entry: dict[str, typing.Any], name: str, twin: bool) -> tuple[str, str | None]:
    """A symbol's result and what is wrong."""
    path = name.split(" [")[0].split(".")
    owner = getattr(daytona, path[0], None)
    forms = entry.get("asyncForms" if twin and "asyncForms" in entry else "forms", [])
    expected = f"expected {' | '.join(forms)}" if forms else None
    if owner is None or is_to_come(owner):
        return "missing", expected
    if len(path) == 1:
        if "base" in entry and entry["base"] not in {cls.__name__ for cls in owner.__mro__}:
            return "differs", f"is not a {entry['base']}"
        wrong = check_forms(owner, forms)
        return ("differs", wrong) if wrong else ("ok", None)
    if entry["kind"] == "attribute":
        return ("ok", None) if has_attribute(owner, path[1]) else ("missing", None)
    function = inspect.getattr_static(owner, path[1], None)
    if function is None:
        return "missing", expected
    if entry["kind"] == "static method" and not isinstance(function, (staticmethod, classmethod)):
        return "differs", "is not a static method"
    function = getattr(owner, path[1])
    wrong = check_forms(function, forms)
    if wrong:
        return "differs", wrong
    awaited = entry.get("awaited", twin)
    if awaited in ("always", True) and not returns_awaitable(function):
        return "differs", "is not awaited"
    if awaited is False and not twin and asyncio.iscoroutinefunction(function):
        return "differs", "is awaited"
    return "ok", None


def is_to_come(value: object) -> bool:
    """Whether it can only be imported."""
    return type(value).__name__ == "ToCome"


def check_modules(table: dict[str, list[str]]) -> list[str]:
    """What cannot be imported of the modules that programs import names from, or is another thing there."""
    wrong = []
    for module, names in table.items():
        for name in names:
            own, _, ours = name.partition("=")
            for path in (module, *(module.replace(a, b, 1) for a, b in MIRRORS if module.startswith(f"{a}."))):
                places = [path]
                if path.endswith(".models"):
                    places += [path.removesuffix(".models"), f"{path}.{re.sub('(?<!^)(?=[A-Z])', '_', own).lower()}"]
                for place in places:
                    try:
                        found = getattr(importlib.import_module(place), own)
                    except (ImportError, AttributeError) as error:
                        wrong.append(f"missing: {place}.{own}: {error}")
                    else:
                        if found is not getattr(daytona, ours or own):
                            wrong.append(f"differs: {place}.{own} is not daytona.{ours or own}")
    return wrong


def check_importable(capabilities: dict[str, typing.Any]) -> list[str]:
    """Classes that cannot be imported, though a program may import what it does not use."""
    wrong = []
    for part in capabilities.values():
        for entry in part["symbols"]:
            if entry["kind"] in ("class", "enum", "error", "type") and "[" not in entry["name"]:
                names = [entry["name"], *([entry["twin"]] if "twin" in entry else [])]
                wrong += [f"not importable: {name}" for name in names if not hasattr(daytona, name)]
    return wrong


def returns_awaitable(function: object) -> bool:
    if asyncio.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return True
    result = str(inspect.signature(function).return_annotation)
    if hasattr(getattr(daytona, result, None), "__await__"):
        return True
    return any(word in result for word in ("Awaitable", "Coroutine", "AsyncIterator"))


def main() -> int:
    surface = json.loads(Path(sys.argv[1]).read_text())
    report = Report(surface["accepted"])
    for capability, part in surface["capabilities"].items():
        required = part["status"] == "required"
        twins = {e["name"]: e["twin"] for p in surface["capabilities"].values() for e in p["symbols"] if "twin" in e}
        for entry in part["symbols"]:
            owner = entry["name"].split(".")[0]
            names = [(entry["name"], False)] if entry.get("only") != "async" else []
            if owner in twins and entry.get("only") != "sync":
                names.append((twins[owner] + entry["name"][len(owner) :], True))
            for name, twin in names:
                result, detail = check(entry, name, twin)
                report.add(name, capability, required, result, detail)
                cls = getattr(daytona, name, None)
                for attribute in entry.get("attributes", []):
                    found = cls is not None and has_attribute(cls, attribute)
                    report.add(f"{name}.{attribute}", capability, required, "ok" if found else "missing")
                for member, value in entry.get("members", {}).items():
                    found = getattr(cls, member, None)
                    wrong = None if found == value else f"is {found!r}, not {value!r}"
                    state = "missing" if found is None else "differs" if wrong else "ok"
                    report.add(f"{name}.{member}", capability, required, state, wrong if found is not None else None)
    wrong = check_modules(surface["modules"]) + check_importable(surface["capabilities"])
    print("\n".join(wrong), end="\n" if wrong else "")
    return report.finish(Path(sys.argv[2])) or bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
