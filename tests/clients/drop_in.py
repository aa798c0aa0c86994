"""The workflow of `mcp-background-job`, written against its interface: the same steps, word for word, on both servers.

On `serve --structured` always; on the Python server itself where `SHELLWARDEN_TEST_FORMER` names a Python that has it, so that
what is expected here is what its clients see and not what somebody remembers of it.
"""

import asyncio
import contextlib
import json
import os
import tempfile

import mcp
from mcp.client.stdio import StdioServerParameters

from warden import NEW_PACKAGE, PATIENCE, Warden, connected, eras, say

FORMER = os.environ.get("SHELLWARDEN_TEST_FORMER")


def fields(answer, *names):
    """The JSON of an answer with exactly these fields, and the same JSON as text for older clients."""
    assert not answer.error, answer
    assert list(answer.json) == list(names), answer
    assert json.loads(answer.text) == answer.json, answer
    return answer.json


def refused(answer, *words):
    assert answer.error and all(word in answer.text for word in words), answer


async def start(server, command):
    return fields(await server.call("execute_command", command=command), "job_id")["job_id"]


async def status(server, job):
    return fields(await server.call("get_job_status", job_id=job), "status")["status"]


async def until(server, job, wanted):
    while (found := await status(server, job)) != wanted:
        assert found == "running", (found, wanted)
        await asyncio.sleep(0.05)


async def output(server, tool, job, **arguments):
    return fields(await server.call(tool, job_id=job, **arguments), "stdout", "stderr")


async def written(server, job, wanted):
    """Its output, once all of it has been read: the Python server reads on after a job's end."""
    while (found := await output(server, "get_job_output", job)) != wanted:
        await asyncio.sleep(0.05)


async def execute_and_monitor(server):
    job = await start(server, "printf 'one\\ntwo\\n'")
    await until(server, job, "completed")
    await written(server, job, {"stdout": "one\ntwo", "stderr": ""})
    assert await output(server, "tail_job_output", job, lines=1) == {"stdout": "two", "stderr": ""}
    job = await start(server, "seq 1 100")
    await until(server, job, "completed")
    await written(server, job, {"stdout": "\n".join(str(n) for n in range(1, 101)), "stderr": ""})
    last = await output(server, "tail_job_output", job)
    assert last == {"stdout": "\n".join(str(n) for n in range(51, 101)), "stderr": ""}, last


async def failures(server):
    job = await start(server, "ls ./is-not-there")
    await until(server, job, "failed")
    while not (found := await output(server, "get_job_output", job))["stderr"]:
        await asyncio.sleep(0.05)
    assert found["stdout"] == "" and "is-not-there" in found["stderr"], found
    assert not found["stderr"].endswith("\n"), found


async def interact_and_kill(server):
    job = await start(server, "cat")
    # With its newline and without: the program gets one either way, the answer has none.
    assert await output(server, "interact_with_job", job, input="hello\n") == {"stdout": "hello", "stderr": ""}
    assert await output(server, "interact_with_job", job, input="again") == {"stdout": "again", "stderr": ""}
    assert await status(server, job) == "running"
    assert fields(await server.call("kill_job", job_id=job), "status") == {"status": "killed"}
    assert fields(await server.call("kill_job", job_id=job), "status") == {"status": "already_terminated"}
    assert fields(await server.call("kill_job", job_id="none"), "status") == {"status": "not_found"}
    await until(server, job, "killed")
    refused(await server.call("interact_with_job", job_id=job, input="late\n"), job, "not running")
    await written(server, job, {"stdout": "hello\nagain", "stderr": ""})


async def lists(server):
    jobs = fields(await server.call("list_jobs"), "jobs")["jobs"]
    told = [(job["command"], job["status"]) for job in jobs]
    assert told == [
        ("cat", "killed"),
        ("ls ./is-not-there", "failed"),
        ("seq 1 100", "completed"),
        ("printf 'one\\ntwo\\n'", "completed"),
    ], told
    assert all(set(job) == {"job_id", "status", "command", "started"} for job in jobs), jobs


async def errors(server):
    for tool in ["get_job_status", "get_job_output", "tail_job_output"]:
        answer = await server.call(tool, job_id="none")
        assert answer.error and answer.text == "Job none not found", answer
    refused(await server.call("interact_with_job", job_id="none", input="x"), "Job none not found")
    refused(await server.call("execute_command", command=" "), "empty")
    for lines in [0, 1001]:
        refused(await server.call("tail_job_output", job_id="none", lines=lines), "lines")


async def schemas(server):
    wanted = {
        "list_jobs": {"jobs"},
        "get_job_status": {"status"},
        "get_job_output": {"stdout", "stderr"},
        "tail_job_output": {"stdout", "stderr"},
        "execute_command": {"job_id"},
        "interact_with_job": {"stdout", "stderr"},
        "kill_job": {"status"},
    }
    tools = await server.tools()
    for name, answer in wanted.items():
        shape = tools[name].output_schema if NEW_PACKAGE else tools[name].outputSchema
        assert shape["type"] == "object" and set(shape["properties"]) == answer, (name, shape)


@contextlib.asynccontextmanager
async def former():
    """The Python server."""
    with tempfile.TemporaryDirectory(prefix="former-") as base:
        server = StdioServerParameters(command=FORMER, args=["-m", "mcp_background_job"], env=dict(os.environ), cwd=base)
        async with mcp.Client(server, mode="legacy") as client:
            yield Warden(client, base)


async def both(name, connection):
    async with connection as server:
        for step in [schemas, execute_and_monitor, failures, interact_and_kill, lists, errors]:
            await asyncio.wait_for(step(server), PATIENCE)
            say(f"drop-in, {name}: {step.__name__} ok")


async def main():
    # Written for the newer package; which of them asks makes no difference to that server.
    if FORMER and NEW_PACKAGE:
        await both("the Python server", former())
    for era in eras():
        await both(era, connected(era, "--structured"))
        async with connected(era, "--structured") as warden:
            refused(await warden.call("execute_command", command="whoami"), "rule `refused`")


asyncio.run(main())
