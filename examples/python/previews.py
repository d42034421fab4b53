"""Previews: a server in the sandbox, reached from outside.

DAYTONA_API_URL=local python previews.py
"""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.request import Request, urlopen

from daytona import Daytona, Sandbox


def serve(sandbox: Sandbox) -> None:
    sandbox.process.exec("echo '<h1>Hello</h1>' > index.html")
    sandbox.process.spawn("python3 -um http.server --bind 127.0.0.1 8000")
    sandbox.process.wait_for_port(8000, timeout=10)


def link(sandbox: Sandbox) -> None:
    # region: link
    preview = sandbox.get_preview_link(8000)
    request = Request(preview.url, headers={"X-Daytona-Preview-Token": preview.token})
    with urlopen(request) as answer:
        print(answer.read().decode())
    # endregion


def signed(sandbox: Sandbox) -> None:
    # region: signed
    signed = sandbox.create_signed_preview_url(8000, expires_in_seconds=600)
    with urlopen(signed.url) as answer:  # In a browser as well.
        print(answer.read().decode(), "until", signed.expires_at)

    sandbox.expire_signed_preview_url(8000, signed.token)
    # endregion
    try:
        urlopen(signed.url).close()
    except (HTTPError, OSError):
        print("expired")


def forward(sandbox: Sandbox) -> None:
    # region: forward
    with (
        sandbox.forward_port(8000) as forwarded,
        urlopen(f"http://127.0.0.1:{forwarded.local_port}/") as answer,
    ):
        print(answer.read().decode())
    # endregion


def main() -> None:
    with Daytona() as daytona, daytona.create() as sandbox:
        serve(sandbox)
        for part in (link, signed, forward):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
