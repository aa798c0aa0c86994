"""Two clients over HTTP, each with its own token, policy and limits, set against each other.

Whatever one knows of the other's jobs, it can neither see, wait for, signal nor guess them; and one that uses up its own
limits takes nothing from the other.
"""

import asyncio
import contextlib
import os
import pathlib
import subprocess
import tempfile

import mcp
from mcp.client import streamable_http

from warden import BINARY, HERE, NEW_PACKAGE, Answer, eras, say

NARROW = """
version: 1
extends: [{base}]
commands: {{deny: [{{id: no-seq, program: seq, reason: not for this one}}]}}
rate_limits: [{{scope: client, commands: 12, per: 1h}}]
"""


class Server:
    """A server with a token file in a folder of its own."""

    def __init__(self, base):
        self.base = pathlib.Path(base)
        for folder in ("workspace", "state"):
            (self.base / folder).mkdir()
        wide = self.base / "wide.yaml"
        wide.write_text("version: 1\nextends: [%s]\nhttp: {tokens: '{state}/tokens.json'}\n" % (HERE / "policy.yaml"))
        self.narrow = self.base / "narrow.yaml"
        self.narrow.write_text(NARROW.format(base=HERE / "policy.yaml"))
        self.places = ["--policy", wide, "--workspace", self.base / "workspace", "--state", self.base / "state"]

    def token(self, *arguments):
        done = subprocess.run([BINARY, "token", *self.places, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    @contextlib.contextmanager
    def running(self):
        command = [BINARY, "serve", *self.places, "--http", "127.0.0.1:0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                for line in process.stderr:
                    if "serving MCP at " in line:
                        yield line.split("serving MCP at ")[1].strip()
                        break
            finally:
                process.terminate()
        assert process.returncode == 0, process.returncode


@contextlib.asynccontextmanager
async def connected(url, token, era):
    headers = {"Authorization": f"Bearer {token}"}
    if NEW_PACKAGE:
        async with streamable_http.create_mcp_http_client(headers=headers) as http:
            async with mcp.Client(streamable_http.streamable_http_client(url, http_client=http), mode=era) as client:
                yield client
    else:
        async with streamable_http.streamablehttp_client(url, headers=headers) as (reading, writing, _):
            async with mcp.ClientSession(reading, writing) as client:
                await client.initialize()
                yield client


async def call(client, tool, **arguments):
    return Answer(await client.call_tool(tool, arguments))


async def refused(reading):
    """The words of a protocol error."""
    try:
        await reading
    except Exception as error:
        return str(error)
    raise AssertionError("it was answered")


async def against_each_other(alice, bob):
    started = await call(alice, "execute_command", command="sleep 300", wait_seconds=0, label="mine")
    job = started.text.split()[1]
    for tool, more in [
        ("get_job_status", {}),
        ("get_job_output", {}),
        ("tail_job_output", {}),
        ("interact_with_job", {"input": "x"}),
    ]:
        answer = await call(bob, tool, job_id=job, **more)
        assert answer.error and "no job" in answer.text, (tool, answer)
    killed = await call(bob, "kill_job", job_id=job)
    assert "not_found" in killed.text or "no job" in killed.text, killed
    waited = await call(bob, "wait_for_jobs", job_ids=[job], timeout_seconds=1)
    assert "no job" in waited.text, waited
    assert (await call(bob, "list_jobs")).text == "no jobs"
    assert (await call(bob, "list_jobs", label="mine")).text == "no jobs"
    assert "nothing at" in await refused(bob.read_resource(f"job://{job}"))
    assert not [found for found in (await bob.list_resources()).resources if job in str(found.uri)]
    while "queued" in (status := await call(alice, "get_job_status", job_id=job)).text:
        pass
    assert "running" in status.text, status

    # Each has its own policy and its own limits.
    assert "3" in (await call(alice, "execute_command", command="seq 1 3")).text
    denied = await call(bob, "execute_command", command="seq 1 3")
    assert denied.error and "not for this one" in denied.text, denied
    answers = [await call(bob, "execute_command", command="true") for _ in range(14)]
    assert "rate limit" in answers[-1].text and answers[-1].error, answers[-1]
    assert not (await call(alice, "execute_command", command="true")).error
    assert "killed" in (await call(alice, "kill_job", job_id=job)).text


async def main():
    for era in eras():
        with tempfile.TemporaryDirectory(prefix="warden-") as base:
            server = Server(base)
            tokens = server.token("add", "alice"), server.token("add", "bob", "--client-policy", server.narrow)
            with server.running() as url:
                async with connected(url, tokens[0], era) as alice, connected(url, tokens[1], era) as bob:
                    await against_each_other(alice, bob)
        say(f"two clients, {era}: right")


os.environ.setdefault("RUST_LOG", "warn")
asyncio.run(main())
