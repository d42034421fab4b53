"""Checks the form of the surface files: `python validate.py`. See README.md for what they say."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
LANGUAGES = ("python", "typescript", "ruby", "go")
KINDS = {
    *("class", "type", "enum", "error", "module", "attribute", "field", "constant", "variable"),
    *("method", "static method", "class method", "function", "use"),
}
# What a symbol can have.
KEYS = {
    *(
        "name",
        "kind",
        "twin",
        "base",
        "includes",
        "input",
        "forms",
        "asyncForms",
        "uses",
        "type",
        "value",
        "only",
        "awaited",
    ),
    *("attributes", "fields", "members", "note"),
}


def faults(language: str) -> Iterator[str]:
    text = (HERE / f"{language}.json").read_text()
    surface = json.loads(text)
    lines = text.splitlines()
    names: set[str] = set()
    for capability, part in surface["capabilities"].items():
        if part["status"] not in ("required", "toCome"):
            yield f"{capability}: unknown status"
        for symbol in part["symbols"]:
            name = symbol["name"]
            if name in names:
                yield f"{name}: twice"
            names.add(name)
            if symbol["kind"] not in KINDS:
                yield f"{name}: unknown kind"
            if unknown := set(symbol) - KEYS:
                yield f"{name}: unknown {', '.join(sorted(unknown))}"
            if any(not form.startswith("(") for form in symbol.get("forms", [])):
                yield f"{name}: a form begins with its parameters"
            if sum(json.dumps(symbol, ensure_ascii=False) in line for line in lines) != 1:
                yield f"{name}: a symbol is one line"
    for entry in surface["accepted"]:
        if entry["name"].split("#")[0].split(".")[0] not in {name.split("#")[0].split(".")[0] for name in names}:
            yield f"{entry['name']}: accepted, but not a symbol"
    for entry in [*surface["accepted"], *surface["notPromised"]]:
        if set(entry) != {"name", "reason"} or not entry["reason"]:
            yield f"{entry}: a name and a reason"


def main() -> int:
    found = [f"{language}.json: {fault}" for language in LANGUAGES for fault in faults(language)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
