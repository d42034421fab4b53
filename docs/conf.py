"""The site of the documentation: `make docs` builds it below target/site, and fails at a link that leads nowhere.

The pages are plain Markdown that reads well in the repository. Here, code in several languages becomes tabs, links to
files outside this directory lead to the repository, and the lists of the first page become the table of contents.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = re.search(r'^repository = "(.+)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]

project = "Daytona"
html_title = "Daytona"
copyright = "Daytona"
extensions = ["myst_parser", "sphinx_design"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["requirements.txt"]
html_theme = "furo"
html_copy_source = False
html_show_sphinx = False

EXAMPLE = re.compile(r"<!-- example: .*? -->\n(.*?)<!-- end -->", re.DOTALL)
LANGUAGE = re.compile(r"\*\*(.+?)\*\*\n\n(```.*?\n```)\n", re.DOTALL)
OUTSIDE = re.compile(r"\]\(\.\./([^)\s]+)\)")
SECTION = re.compile(r"^## (.+)\n\n((?:\* .*\n)+)", re.MULTILINE)
PAGE = re.compile(r"^\* \[.*?\]\((.+?)\.md\)", re.MULTILINE)


def tabs(example):
    """The code of one example, a tab for each language; a reader's choice holds for all examples."""
    items = [
        f"::::{{tab-item}} {title}\n:sync: {title}\n\n{code}\n::::\n" for title, code in LANGUAGE.findall(example[1])
    ]
    return ":::::{tab-set}\n:sync-group: language\n\n" + "\n".join(items) + "\n:::::\n"


def outside(link):
    """A link to a file of the repository, which must be there."""
    path = link[1].split("#")[0]
    if not (ROOT / path).exists():
        raise SystemExit(f"a page links to ../{path}, which is not there")
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"]({REPOSITORY}/{kind}/main/{link[1]})"


def contents(section):
    """A section of the first page, whose links are the site's table of contents too."""
    pages = "\n".join(PAGE.findall(section[2]))
    return f"{section[0]}\n```{{toctree}}\n:hidden:\n:caption: {section[1]}\n\n{pages}\n```\n"


def prepare(_app, page, source):
    """Rewrites a page before it is read."""
    text = SECTION.sub(contents, source[0]) if page == "index" else source[0]
    source[0] = OUTSIDE.sub(outside, EXAMPLE.sub(tabs, text))


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", prepare)
    return {"parallel_read_safe": True}
