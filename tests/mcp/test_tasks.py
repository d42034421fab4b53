"""Calls that take long go on as tasks, for clients that know them: the official one is taught by its extensions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, Request, RequestParams, Result
from pydantic import ConfigDict, Field

from conftest import ENVIRONMENT, LIMIT, PROGRAM, daytona


class TaskResult(Result):
    """A task, in any of its states."""

    model_config = ConfigDict(extra="allow")

    result_type: Literal["task"] = Field("task", alias="resultType")
    task_id: str = Field(alias="taskId")


class TaskState(Result):
    model_config = ConfigDict(extra="allow")

    status: str = ""


class TaskParams(RequestParams):
    task_id: str = Field(alias="taskId", serialization_alias="taskId")


class TaskRequest(Request[TaskParams, Any]):
    name_param = "taskId"

    method: str
    params: TaskParams


class Tasks(ClientExtension):
    """Waits for tasks, and gives those up whose command says so."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []
        self.gives_up = False

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=TaskResult, resolve=self.resolve)]

    async def resolve(self, task: TaskResult, context: ClaimContext) -> CallToolResult:
        params = TaskParams(taskId=task.task_id)
        if self.gives_up:
            await context.session.send_request(TaskRequest(method="tasks/cancel", params=params), Result)
        while True:
            state = await context.session.send_request(TaskRequest(method="tasks/get", params=params), TaskState)
            told = state.model_dump(by_alias=True)
            self.states.append(told)
            if state.status == "completed":
                return CallToolResult.model_validate(told["result"])
            if state.status != "working":
                return CallToolResult(content=[], isError=True)
            await asyncio.sleep(0.2)


@asynccontextmanager
async def on_pipes(tasks: Tasks) -> AsyncIterator[Client]:
    server = StdioServerParameters(command=PROGRAM, args=["mcp", "start"], env=dict(ENVIRONMENT))
    async with asyncio.timeout(LIMIT), Client(server, mode="2026-07-28", extensions=[tasks]) as client:
        yield client


# Longer than the server lets a client wait.
LONG = "for i in $(seq 12); do echo line $i; sleep 1; done"


def test_what_takes_long_goes_on_as_a_task() -> None:
    async def work() -> None:
        tasks = Tasks()
        async with on_pipes(tasks) as client:
            result = await client.call_tool("execute_command", {"command": "echo short"})
            assert result.structured_content is not None and result.structured_content["output"] == "short\n"
            # On a busy machine that may have taken long, too: it made the sandbox.
            tasks.states.clear()
            result = await client.call_tool("execute_command", {"command": LONG})
            assert result.structured_content is not None
            assert result.structured_content["output"] == "".join(f"line {i}\n" for i in range(1, 13))
            assert [state["status"] for state in tasks.states if state["status"] != "working"] == ["completed"]
            assert any("line" in state.get("statusMessage", "") for state in tasks.states)

    asyncio.run(work())


def test_a_cancelled_task_ends_in_the_sandbox() -> None:
    async def work() -> None:
        tasks = Tasks()
        tasks.gives_up = True
        async with on_pipes(tasks) as client:
            result = await client.call_tool("execute_command", {"command": "sleep 5432"})
            assert result.is_error and tasks.states[-1]["status"] == "cancelled"
            looking = {"command": "pgrep -f '^sleep 5432'"}
            while (await client.call_tool("execute_command", looking)).structured_content["output"]:
                await asyncio.sleep(0.05)

    asyncio.run(work())


def test_over_http_a_task_outlives_its_connection(over_http: dict[str, Any]) -> None:
    async def work() -> None:
        made: list[str] = []
        sandbox = json.loads(daytona("create", "--json").stdout)["id"]

        class Leaves(Tasks):
            async def resolve(self, task: TaskResult, context: ClaimContext) -> CallToolResult:
                made.append(task.task_id)
                return CallToolResult(content=[])

        @asynccontextmanager
        async def connected(tasks: Tasks) -> AsyncIterator[Client]:
            async with (
                httpx2.AsyncClient(headers=over_http["headers"], timeout=LIMIT) as http,
                Client(
                    streamable_http_client(over_http["url"], http_client=http), mode="2026-07-28", extensions=[tasks]
                ) as client,
            ):
                yield client

        async with asyncio.timeout(LIMIT):
            async with connected(Leaves()) as client:
                await client.call_tool("execute_command", {"command": LONG, "id": sandbox})
            tasks = Tasks()
            async with connected(tasks) as client:
                task = TaskResult(taskId=made[0])
                context = ClaimContext(session=client.session, tool_name="execute_command", read_timeout_seconds=None)
                result = await tasks.resolve(task, context)
                assert result.structured_content is not None
                assert result.structured_content["output"].endswith("line 12\n")
                with pytest.raises(Exception, match="task"):
                    await tasks.resolve(TaskResult(taskId="none"), context)
        daytona("delete", sandbox)

    asyncio.run(work())
