"""One connection to a shellwarden server, whichever `mcp` package is installed.

Version 1.x of the package speaks the protocol with handshake, version 2.x both that and the one without. The scripts
beside this file say what they expect; this file only connects, calls, and looks at processes.
"""

import contextlib
import importlib.metadata
import os
import pathlib
import select
import sys
import tempfile

import mcp
from mcp.client.stdio import StdioServerParameters, stdio_client

HERE = pathlib.Path(__file__).resolve().parent
BINARY = os.environ["SHELLWARDEN_BINARY"]
NEW_PACKAGE = int(importlib.metadata.version("mcp").split(".")[0]) >= 2

# How long any single event may take before a test gives up; only a hang reaches it.
PATIENCE = 60


def eras():
    """The protocol eras that the installed package can speak."""
    return ["legacy", "auto"] if NEW_PACKAGE else ["legacy"]


class Answer:
    """The result of a call: its text, its JSON if any, and whether it is an error."""

    def __init__(self, result):
        self.text = "".join(block.text for block in result.content if block.type == "text")
        self.json = result.structured_content if NEW_PACKAGE else result.structuredContent
        self.error = bool(result.is_error if NEW_PACKAGE else result.isError)

    def __repr__(self):
        return f"Answer(error={self.error}, json={self.json}, text={self.text!r})"


class Warden:
    """A connected client and the folders of its server."""

    def __init__(self, client, workspace):
        self.client = client
        self.workspace = pathlib.Path(workspace)

    async def call(self, tool, **arguments):
        return Answer(await self.client.call_tool(tool, arguments))

    async def tools(self):
        return {tool.name: tool for tool in (await self.client.list_tools()).tools}

    async def run(self, command, **arguments):
        """Starts a command, waits until it runs or is over, and returns the id of its job."""
        answer = await self.call("execute_command", command=command, wait_seconds=0, **arguments)
        assert not answer.error, answer
        job = answer.json["job_id"] if answer.json else answer.text.split()[1]
        while (await self.call("get_job_status", job_id=job)).json["status"] == "queued":
            pass
        return job


@contextlib.asynccontextmanager
async def connected(era="legacy", *extra, **callbacks):
    """A server of its own, with a workspace and a state folder that vanish afterwards."""
    with tempfile.TemporaryDirectory(prefix="warden-") as base:
        workspace, state = os.path.join(base, "workspace"), os.path.join(base, "state")
        os.mkdir(workspace)
        os.mkdir(state)
        arguments = ["serve", "--policy", str(HERE / "policy.yaml"), "--workspace", workspace, "--state", state]
        server = StdioServerParameters(command=BINARY, args=arguments + list(extra), env=dict(os.environ))
        if NEW_PACKAGE:
            async with mcp.Client(server, mode=era, **callbacks) as client:
                yield Warden(client, workspace)
        else:
            async with stdio_client(server) as (reading, writing):
                async with mcp.ClientSession(reading, writing, **callbacks) as client:
                    await client.initialize()
                    yield Warden(client, workspace)


class Process:
    """A process held by descriptor, so that its number cannot come to mean another one."""

    def __init__(self, pid):
        self.pid = pid
        self.descriptor = os.pidfd_open(pid)

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_until_gone(self):
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        assert poll.poll(PATIENCE * 1000), f"process {self.pid} is still there"
        os.close(self.descriptor)


def _stat(pid):
    """Parent and state of a process; none when it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[1]), fields[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def parent_of(pid):
    return _stat(pid)[0]


def alive():
    """All processes that are no zombies."""
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in numbers if (found := _stat(pid)) and found[1] not in "ZX"]


def with_marker(marker):
    """Processes that carry the marker as one of their words."""
    found = []
    for pid in alive():
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if marker.encode() in words:
                found.append(Process(pid))
    return found


def server_process():
    """The server that this script started."""
    mine = [pid for pid in alive() if parent_of_or_none(pid) == os.getpid()]
    # The server keeps others from looking at its `exe`; its arguments are there for all.
    servers = [pid for pid in mine if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(BINARY.encode() + b"\0")]
    assert len(servers) == 1, servers
    return Process(servers[0])


def parent_of_or_none(pid):
    found = _stat(pid)
    return found[0] if found else None


def between(pid, ancestor):
    """The processes from the parent of `pid` up to the child of `ancestor`."""
    chain = []
    while (pid := parent_of(pid)) != ancestor:
        assert pid > 1, "the job does not descend from the server"
        chain.append(Process(pid))
    return chain


def say(text):
    print(text, file=sys.stderr, flush=True)
