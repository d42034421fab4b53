"""How the operations of the cases are called through the public API, synchronous or asynchronous.

Results of the synchronous client are plain values, those of the asynchronous one are awaited: `settle` and `each` hide
the difference, so one adapter serves both runners.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import daytona
from compare import content

# Long enough for a stream to be opened on a busy machine.
OPEN_SECONDS = 3.0


async def settle(value: Any) -> Any:
    """A value, awaited if need be."""
    return await value if inspect.isawaitable(value) else value


async def each(iterable: Any) -> AsyncIterator[Any]:
    """The items of either kind of iterable."""
    if hasattr(iterable, "__aiter__"):
        async for item in iterable:
            yield item
    else:
        for item in iterable:
            yield item


def snake(name: str) -> str:
    """`exitCode` -> `exit_code`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m[1].lower(), name)


def snake_to_camel(name: str) -> str:
    """`id_or_name` -> `idOrName`."""
    return re.sub(r"_([a-z])", lambda m: m[1].upper(), name)


def keywords(args: dict[str, Any], names: dict[str, str] | None = None) -> dict[str, Any]:
    """Arguments and options under Python's names; `names` has those that are not the core's."""
    flat = {snake(name): value for name, value in {**args, **flat_options(args)}.items() if name != "options"}
    return {(names or {}).get(name, name): given(value) for name, value in flat.items()}


def given(value: Any) -> Any:
    """A value, with the bytes that it may stand for."""
    data = content(value)
    return value if data is None else data


def flat_options(args: dict[str, Any]) -> dict[str, Any]:
    """The options."""
    return args.get("options") or {}


class Adapter:
    """Calls operations on a client and a sandbox."""

    def __init__(self, client: Any, schema: dict[str, Any]) -> None:
        self.client = client
        self.fields = {
            item["name"]: {field["name"]: field["wire"] for field in item["fields"]} for item in schema["structs"]
        }
        self.ops = {op["id"]: op for service in schema["services"] for op in service["ops"]}
        self.deviations = schema["deviations"]["python"]["operations"]

    async def call(self, sandbox: Any, op: str, step: dict[str, Any]) -> Any:
        """The result of an operation, with the schema's names."""
        args = step.get("args", {})
        special = getattr(self, "op_" + op.replace(".", "_"), None)
        if special is not None:
            return self.wire(await special(sandbox, args, step))
        return self.wire(await self.on_receiver(sandbox, op, args))

    async def on_receiver(self, sandbox: Any, op: str, args: dict[str, Any]) -> Any:
        """Calls the method of the object that has the operation. What changes a sandbox returns nothing: it is the
        result then.
        """
        described, deviation = self.ops[op], self.deviations.get(op, {})
        args = dict(args)
        supplied = args.pop(snake_to_camel(described["supplied"])) if described["supplied"] else None
        if "volume" in args:
            args["volume"] = daytona.Volume(**keywords(args["volume"]))
        receiver: Any = {
            "daytona": lambda: self.client,
            "snapshot": lambda: self.client.snapshot,
            "volume": lambda: self.client.volume,
            "secret": lambda: self.client.secret,
            "sandbox": lambda: self.client.get(supplied),
            "spawned_process": lambda: self.process(sandbox, supplied),
            "lsp_server": lambda: sandbox.create_lsp_server(supplied["languageId"], supplied["pathToProject"]),
        }.get(described["receiver"], lambda: self.service(sandbox, described["receiver"]))()
        receiver = await settle(receiver)
        method = getattr(receiver, deviation.get("name", described["name"]))
        result = await settle(method(**keywords(args, deviation.get("params"))))
        return receiver if result is None and described["receiver"] == "sandbox" else result

    def service(self, sandbox: Any, name: str) -> Any:
        """The service of this name: the sandbox's, or its desktop's."""
        return getattr(sandbox if hasattr(sandbox, name) else sandbox.computer_use, name)

    def wire(self, value: Any) -> Any:
        """A result with the schema's names."""
        if isinstance(value, list):
            return [self.wire(item) for item in value]
        if isinstance(value, dict):
            return {key: self.wire(item) for key, item in value.items()}
        kind = type(value)
        names = next((self.fields[base.__name__] for base in kind.__mro__ if base.__name__ in self.fields), None)
        if isinstance(value, str):
            return str(value)
        if names is None:
            return value
        special = {"chart_type": "type", "user": "os_user" if hasattr(value, "os_user") else "user"}
        return {
            wire: self.wire(getattr(value, special.get(name, name)))
            for name, wire in names.items()
            if hasattr(value, special.get(name, name))
        }

    # --- the desktop ---
    async def op_computer_use_act(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        actions = [daytona.DesktopAction(**keywords(action)) for action in args["actions"]]
        return await settle(sandbox.computer_use.act(actions, **keywords(flat_options(args))))

    async def op_screenshot_take_compressed(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        given = [daytona.ScreenshotOptions(**keywords(args["options"]))] if "options" in args else []
        return await settle(sandbox.computer_use.screenshot.take_compressed(*given))

    async def op_screenshot_take_compressed_region(
        self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]
    ) -> Any:
        given = [daytona.ScreenshotOptions(**keywords(args["options"]))] if "options" in args else []
        return await settle(sandbox.computer_use.screenshot.take_compressed_region(args["region"], *given))

    # --- ports ---

    async def op_sandbox_forward_port(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        forward = await self.on_receiver(sandbox, "sandbox.forward_port", args)
        try:
            return None if step.get("detach") else await self.exchanged(forward, step)
        finally:
            await settle(forward.close())

    async def exchanged(self, forward: Any, step: dict[str, Any]) -> Any:
        """What comes back on a connection to a forwarded port, whose writing side is closed after the input."""
        reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
        writer.write("".join(step.get("input", [])).encode())
        writer.write_eof()
        output = await reader.read()
        writer.close()
        return {"localPort": forward.local_port, "httpOnly": forward.http_only, "output": output.decode()}

    # --- sandboxes ---

    async def op_sandbox_create_with_logs(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        lines: list[str] = []
        options = {**flat_options(args), "on_snapshot_create_logs": lines.append}
        made = await self.op_sandbox_create(sandbox, {**args, "options": options}, step)
        return {"lines": lines, "sandbox": made}

    def snapshot_params(self, args: dict[str, Any]) -> daytona.CreateSnapshotParams:
        params = keywords(args["params"])
        if "resources" in params:
            params["resources"] = daytona.Resources(**params["resources"])
        return daytona.CreateSnapshotParams(**params)

    async def op_snapshot_create(self, _: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        return await settle(self.client.snapshot.create(self.snapshot_params(args), **keywords(flat_options(args))))

    async def op_snapshot_create_with_logs(self, _: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        build = self.client.snapshot.create_stream(self.snapshot_params(args), **keywords(flat_options(args)))
        lines = [line async for line in each(build)]
        return {"lines": lines, "snapshot": await settle(build.result())}

    async def op_sandbox_create(self, _: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        params = {snake(name): value for name, value in args.get("params", {}).items()}
        if "volumes" in params:
            params["volumes"] = [daytona.VolumeMount(**keywords(volume)) for volume in params["volumes"]]
        if "resources" in params:
            params["resources"] = daytona.Resources(**keywords(params["resources"]))
        with tempfile.TemporaryDirectory() as directory:
            if "dockerfile" in params:
                file = Path(directory, "Dockerfile")
                file.write_text(params.pop("dockerfile"))
                params["image"] = daytona.Image.from_dockerfile(file)
            return await settle(self.client.create(**params, **keywords(flat_options(args))))

    async def op_snapshot_upload_context(self, _: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        access = daytona.PushAccessCredentials(**keywords(args["access"]))
        return await self.on_receiver(None, "snapshot.upload_context", {**args, "access": access})

    async def op_sandbox_list(self, _: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        query = daytona.ListSandboxesQuery(**keywords(args.get("query", {})))
        page = await settle(self.client.list(query))
        return {"items": page.items, "nextCursor": page.next_cursor}

    async def op_sandbox_list_page(self, _: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        page = await settle(self.client.list(**keywords(args)))
        # Reading a field of the synchronous page makes the request.
        return {
            "items": page.items,
            "total": page.total,
            "page": page.page,
            "totalPages": page.total_pages,
        }

    async def op_sandbox_update_network_settings(self, _: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        flat = {"idOrName": args["idOrName"], **args["settings"]}
        return await self.on_receiver(None, "sandbox.update_network_settings", flat)

    # --- commands, sessions, terminals ---

    async def op_process_stream_session_command_logs(
        self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]
    ) -> Any:
        stream = sandbox.process.stream_session_command_logs(args["sessionId"], args["commandId"])
        return await self.logs(stream, step)

    async def op_process_stream_entrypoint_logs(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        return await self.logs(sandbox.process.stream_entrypoint_logs(), step)

    async def logs(self, stream: Any, step: dict[str, Any]) -> Any:
        if step.get("detach"):
            # Reading is what opens the stream; there may be nothing to read.
            with contextlib.suppress(TimeoutError):
                await settle(stream.read(OPEN_SECONDS))
            await settle(stream.close())
            return None
        texts = {"stdout": "", "stderr": ""}
        async for chunk in each(stream):
            texts[chunk.channel] += chunk.text
        if step.get("read") == "again":
            assert await settle(stream.read()) is None, "there is output after the end"
        return texts

    def process(self, sandbox: Any, saved: dict[str, Any]) -> Any:
        """The handle of a process that an earlier step has saved."""
        info = daytona.ProcessInfo(**keywords(saved))
        asynchronous = isinstance(sandbox, daytona.AsyncSandbox)
        return (daytona.AsyncSpawnedProcess if asynchronous else daytona.SpawnedProcess)(info, sandbox.process)

    async def op_process_stream_output(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        process = self.process(sandbox, args["process"])
        options = keywords(flat_options(args))
        channel = options.pop("channel", None)
        if channel is None:
            return await self.logs(process.output(**options), step)
        output = {"stdout": process.stdout, "stderr": process.stderr}[channel]
        if step.get("read") == "lines":
            return {"lines": [line async for line in each(output.iter_lines(**options))]}
        return {"stdout": "", "stderr": "", channel: await settle(output.read_text(**options))}

    async def op_process_create_pty(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        options = keywords(flat_options(args))
        rows, cols = options.pop("rows", None), options.pop("cols", None)
        if rows is not None or cols is not None:
            options["pty_size"] = daytona.PtySize(rows=24 if rows is None else rows, cols=80 if cols is None else cols)
        handle = await settle(sandbox.process.create_pty_session(id=args["sessionId"], **options))
        return await self.terminal(handle, step)

    async def op_process_connect_pty(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        return await self.terminal(await settle(sandbox.process.connect_pty_session(args["sessionId"])), step)

    async def terminal(self, handle: Any, step: dict[str, Any]) -> Any:
        for text in step.get("input", []):
            await settle(handle.send_input(text))
        if step.get("detach"):
            await settle(handle.disconnect())
            return None
        if step.get("read") == "closed":
            await settle(handle.disconnect())
            return await settle(handle.send_input("late"))
        output = bytearray()
        async for data in each(handle):
            output += data
        if step.get("read") == "again":
            assert [data async for data in each(handle)] == [], "there is output after the end"
        if step.get("read") == "ended":
            return await settle(handle.send_input("late"))
        return {"output": output.decode(errors="replace"), "exitCode": handle.exit_code, "error": handle.error}

    # --- files ---

    def upload(self, file: dict[str, Any]) -> daytona.FileUpload:
        data = content(file.get("content"))
        return daytona.FileUpload(file["localPath"] if data is None else data, file["destination"])

    async def op_fs_upload_file(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        file = self.upload(args["file"])
        options = keywords(flat_options(args))
        return await settle(sandbox.fs.upload_file(file.source, file.destination, **options))

    async def op_fs_upload_files(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        files = [self.upload(file) for file in args["files"]]
        return await settle(sandbox.fs.upload_files(files, **keywords(flat_options(args))))

    async def op_fs_open_upload(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        writer = sandbox.fs.open_upload(args["remotePath"], **keywords(flat_options(args)))
        if step.get("detach"):
            await settle(writer.write(b""))
            await settle(writer.abort())
            return None
        for piece in step.get("pieces", []):
            await settle(writer.write(content(piece)))
        await settle(writer.finish())
        return None

    async def op_fs_upload_dir(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        return await self.directory(sandbox.fs.upload_dir, args, step)

    async def op_fs_download_dir(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        return await self.directory(sandbox.fs.download_dir, args, step)

    async def directory(self, method: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        """A transfer, seen through; or begun and given up by an event that is set already."""
        given_up = threading.Event()
        if step.get("detach"):
            given_up.set()
        try:
            return await settle(method(**keywords(args), cancel_event=given_up))
        except daytona.DaytonaCancelledError:
            if not step.get("detach"):
                raise
            return None

    async def op_fs_open_download(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        reader = sandbox.fs.open_download(args["remotePath"], **keywords(flat_options(args)))
        data = bytearray()
        async for piece in each(reader):
            data += piece
            if step.get("detach"):
                await settle(reader.close())
                return None
        return {"content": bytes(data), "size": reader.size}

    async def op_fs_download_files(self, sandbox: Any, args: dict[str, Any], step: dict[str, Any]) -> Any:
        files = [daytona.FileDownloadRequest(**keywords(file)) for file in args["files"]]
        responses = await settle(sandbox.fs.download_files(files, **keywords(flat_options(args))))
        return [
            {
                "source": response.source,
                "content": response.result if isinstance(response.result, bytes) else None,
                "localPath": response.result if isinstance(response.result, str) else None,
                "error": response.error,
                "errorDetails": response.error_details,
            }
            for response in responses
        ]
