"""A code assistant: completions, symbols, types and problems, from the language server of a project.

DAYTONA_API_URL=local python language_servers.py
"""

from __future__ import annotations

from daytona import Daytona, LspCompletionPosition, Sandbox

FILES = {
    "shop/basket.py": """\
class Basket:
    # What a customer wants to buy.

    def __init__(self) -> None:
        self.prices: list[float] = []

    def add(self, price: float) -> None:
        self.prices.append(price)
""",
    "shop/main.py": """\
from basket import Basket

basket = Basket()
basket.add("3" )
""",
}


def assistant(sandbox: Sandbox) -> None:
    # region: assistant
    server = sandbox.create_lsp_server("python", "shop")
    server.start()

    for symbol in server.document_symbols("basket.py"):
        print(symbol.name, "has", [child.name for child in symbol.children or []])

    # Lines and characters count from 0: this is behind `basket.add`.
    completions = server.completions("main.py", LspCompletionPosition(line=3, character=10))
    print("completes to", [item.label for item in completions.items][:2])

    for symbol in server.sandbox_symbols("Basket"):
        print(symbol.name, "is in", symbol.location.uri)
    # endregion


def understand(sandbox: Sandbox) -> None:
    # region: understand
    server = sandbox.create_lsp_server("python", "shop")
    server.start()
    add = LspCompletionPosition(line=3, character=8)

    print(server.hover("main.py", add).contents)
    for place in server.definition("main.py", add):
        print("defined in", place.uri, "line", place.range.start.line + 1)
    for place in server.references("main.py", add):
        print("used in", place.uri, "line", place.range.start.line + 1)
    for problem in server.diagnostics("main.py"):
        print("problem in line", problem.range.start.line + 1, problem.message)
    # endregion


def change(sandbox: Sandbox) -> None:
    # region: change
    server = sandbox.create_lsp_server("python", "shop")
    server.start()

    for file in server.rename("basket.py", LspCompletionPosition(line=0, character=6), "Cart"):
        print(len(file.edits), "changes in", file.uri)
    for edit in server.formatting("main.py"):
        print("line", edit.range.start.line + 1, "becomes", repr(edit.new_text))

    server.stop()
    # endregion


def main() -> None:
    with Daytona() as daytona, daytona.create() as sandbox:
        for path, text in FILES.items():
            sandbox.fs.upload_file(text.encode(), path)
        for part in (assistant, understand, change):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
