"""Previews: a server in the sandbox, reached from outside.

DAYTONA_API_URL=local python previews_async.py
"""

from __future__ import annotations

import asyncio
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from daytona import AsyncDaytona, AsyncSandbox


async def serve(sandbox: AsyncSandbox) -> None:
    await sandbox.process.exec("echo '<h1>Hello</h1>' > index.html")
    await sandbox.process.spawn("python3 -um http.server --bind 127.0.0.1 8000")
    await sandbox.process.wait_for_port(8000, timeout=10)


def fetch(request: str | Request) -> str:
    with urlopen(request) as answer:
        text: str = answer.read().decode()
        return text


async def link(sandbox: AsyncSandbox) -> None:
    # region: link
    preview = await sandbox.get_preview_link(8000)
    request = Request(preview.url, headers={"X-Daytona-Preview-Token": preview.token})
    print(await asyncio.to_thread(fetch, request))
    # endregion


async def signed(sandbox: AsyncSandbox) -> None:
    # region: signed
    signed = await sandbox.create_signed_preview_url(8000, expires_in_seconds=600)
    print(await asyncio.to_thread(fetch, signed.url), "until", signed.expires_at)

    await sandbox.expire_signed_preview_url(8000, signed.token)
    # endregion
    try:
        await asyncio.to_thread(fetch, signed.url)
    except (HTTPError, OSError):
        print("expired")


async def forward(sandbox: AsyncSandbox) -> None:
    # region: forward
    async with await sandbox.forward_port(8000) as forwarded:
        reader, writer = await asyncio.open_connection("127.0.0.1", forwarded.local_port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        print((await reader.read()).decode())
        writer.close()
    # endregion


async def main() -> None:
    async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
        await serve(sandbox)
        for part in (link, signed, forward):
            print(f"--- {part.__name__}", flush=True)
            await part(sandbox)


if __name__ == "__main__":
    asyncio.run(main())
