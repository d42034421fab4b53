"""Prints what the packages say about each mistake, side by side: `python show.py`, after their tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TEXTS = HERE.parents[1] / "target/mistakes"


def main() -> int:
    found = {file.stem: json.loads(file.read_text()) for file in sorted(TEXTS.glob("*.json"))}
    for mistake in json.loads((HERE / "mistakes.json").read_text())["mistakes"]:
        print(f"\n## {mistake['id']}: somebody {mistake['what']}")
        by_text: dict[str, list[str]] = {}
        for language, texts in found.items():
            by_text.setdefault(texts.get(mistake["id"], "(no text)"), []).append(language)
        for text, languages in by_text.items():
            print(f"{', '.join(languages)}:\n    {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
