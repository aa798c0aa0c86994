"""The workflow of `mcp-background-job` with the client that its users have: typed results from `serve --structured`."""

import asyncio
import datetime
import os
import sys
import tempfile

from warden import BINARY, HERE, say

try:
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport
    from fastmcp.exceptions import ToolError
except ImportError:
    say("fastmcp: skipped, this Python does not have it")
    sys.exit(0)


async def main():
    with tempfile.TemporaryDirectory(prefix="warden-") as base:
        folders = [os.path.join(base, name) for name in ("workspace", "state")]
        for folder in folders:
            os.mkdir(folder)
        arguments = ["serve", "--structured", "--policy", str(HERE / "policy.yaml")]
        arguments += ["--workspace", folders[0], "--state", folders[1]]
        async with Client(StdioTransport(command=BINARY, args=arguments, env=dict(os.environ))) as client:
            job = (await client.call_tool("execute_command", {"command": "cat"})).data.job_id
            said = (await client.call_tool("interact_with_job", {"job_id": job, "input": "hello\n"})).data
            assert (said.stdout, said.stderr) == ("hello\n", ""), said
            [listed] = (await client.call_tool("list_jobs")).data.jobs
            assert listed.job_id == job and listed.status == "running", listed
            assert isinstance(listed.started, datetime.datetime), listed
            assert (await client.call_tool("kill_job", {"job_id": job})).data.status == "killed"
            assert (await client.call_tool("get_job_status", {"job_id": job})).data.status == "killed"
            assert (await client.call_tool("get_job_output", {"job_id": job})).data.stdout == "hello\n"
            try:
                await client.call_tool("get_job_status", {"job_id": "none"})
            except ToolError as error:
                assert str(error) == "Job none not found", error
            else:
                raise AssertionError("an unknown job is an error")
    say("fastmcp: drop-in ok")


asyncio.run(main())
