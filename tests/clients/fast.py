"""The workflow of `mcp-background-job` with the client that its users have: typed results from `serve --structured`."""

import asyncio
import contextlib
import datetime
import os
import tempfile

from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError
from fastmcp_tasks.client import call_tool_task

from warden import BINARY, HERE, say


@contextlib.asynccontextmanager
async def connected(*extra, **options):
    with tempfile.TemporaryDirectory(prefix="warden-") as base:
        folders = [os.path.join(base, name) for name in ("workspace", "state")]
        for folder in folders:
            os.mkdir(folder)
        arguments = ["serve", *extra, "--policy", str(HERE / "policy.yaml")]
        arguments += ["--workspace", folders[0], "--state", folders[1]]
        async with Client(StdioTransport(command=BINARY, args=arguments, env=dict(os.environ)), **options) as client:
            yield client


def text(result):
    return "".join(block.text for block in result.content)


async def tasks():
    """This client knows tasks: a job that outlives its call is one, and a question makes it wait for input."""
    asked = []

    async def person(message, *_rest):
        asked.append(message)
        return ElicitResult(action="accept" if len(asked) == 1 else "decline", content={})

    async with connected(elicitation_handler=person) as client:
        late = {"command": "sleep 0.5 && echo late", "wait_seconds": 0}
        assert "late" in text(await client.call_tool("execute_command", late)), "polled to its end"
        task = await call_tool_task(client, "execute_command", {"command": "sleep 1000", "wait_seconds": 0})
        assert (await task.status()).status == "working"
        await task.cancel()
        while (status := (await task.status()).status) == "working":
            await asyncio.sleep(0.05)
        assert status == "cancelled", status
        job = {"job_id": task.task_id}
        assert "killed" in text(await client.call_tool("get_job_status", job))
        assert "Linux" in text(await client.call_tool("execute_command", {"command": "uname"}))
        assert len(asked) == 1 and "uname" in asked[0], asked
        try:
            await client.call_tool("execute_command", {"command": "uname"})
        except ToolError as error:
            assert "nobody said yes" in str(error), error
        else:
            raise AssertionError("a no is an error")
    say("fastmcp: tasks ok")


async def main():
    await tasks()
    async with connected("--structured") as client:
        job = (await client.call_tool("execute_command", {"command": "cat"})).data.job_id
        said = (await client.call_tool("interact_with_job", {"job_id": job, "input": "hello\n"})).data
        assert (said.stdout, said.stderr) == ("hello", ""), said
        [listed] = (await client.call_tool("list_jobs")).data.jobs
        assert listed.job_id == job and listed.status == "running", listed
        assert isinstance(listed.started, datetime.datetime), listed
        assert (await client.call_tool("kill_job", {"job_id": job})).data.status == "killed"
        assert (await client.call_tool("get_job_status", {"job_id": job})).data.status == "killed"
        assert (await client.call_tool("get_job_output", {"job_id": job})).data.stdout == "hello"
        try:
            await client.call_tool("get_job_status", {"job_id": "none"})
        except ToolError as error:
            assert str(error) == "Job none not found", error
        else:
            raise AssertionError("an unknown job is an error")
    say("fastmcp: drop-in ok")


asyncio.run(main())
