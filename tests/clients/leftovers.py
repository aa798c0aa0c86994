"""Nothing of a job is left: after a kill, after the server's end of any kind, after the end of what watches it."""

import asyncio
import shutil
import signal
import uuid

from warden import HERE, between, connected, say, server_process, with_marker

# The parent, the child in its own session, the daemon.
PROCESSES = 3


async def start(warden, marker):
    """Starts the forking job and returns its processes once all of them are up."""
    shutil.copy(HERE / "forker.py", warden.workspace)
    job = await warden.run(f"python3 forker.py {marker}")
    while (await warden.call("get_job_output", job_id=job)).text.count("is up") < PROCESSES:
        await asyncio.sleep(0.05)
    found = with_marker(marker)
    assert len(found) == PROCESSES, [one.pid for one in found]
    return job, found


async def gone(processes):
    for process in processes:
        await asyncio.to_thread(process.wait_until_gone)


async def killed():
    marker = uuid.uuid4().hex
    async with connected() as warden:
        job, processes = await start(warden, marker)
        answer = await warden.call("kill_job", job_id=job)
        assert answer.json == {"status": "killed"}, answer
        await gone(processes)
        assert not with_marker(marker)


async def timed_out():
    marker = uuid.uuid4().hex
    async with connected() as warden:
        shutil.copy(HERE / "forker.py", warden.workspace)
        job = await warden.run(f"python3 forker.py {marker}", timeout_seconds=1)
        answer = await warden.call("get_job_status", job_id=job, wait_seconds=45)
        assert answer.json["status"] == "timed_out", answer
        assert not with_marker(marker)


async def server_left():
    """The client closes its end in the orderly way while three jobs run."""
    marker = uuid.uuid4().hex
    processes = []
    async with connected() as warden:
        for index in range(3):
            processes += (await start(warden, f"{marker}-{index}"))[1]
    await gone(processes)


async def shot(whom, number=signal.SIGKILL):
    """Three jobs run; one of those that look after them gets a signal."""
    marker = uuid.uuid4().hex
    processes, reached = [], False
    trouble = None
    try:
        async with connected() as warden:
            for index in range(3):
                processes += (await start(warden, f"{marker}-{index}"))[1]
            server = server_process()
            # From the job up to the helper, which is the server's child.
            chain = between(processes[0].pid, server.pid)
            victims = {"server": [server], "helper": chain[-1:], "supervisor": chain[:-1]}[whom]
            assert victims, f"no {whom} between the job and the server"
            for victim in victims:
                victim.signal(number)
            # The jobs of the other two supervisors live on; those of the server and the helper do not.
            await gone(processes if whom != "supervisor" else processes[:PROCESSES])
            reached = True
    except Exception as error:  # A client whose server was shot may complain when it closes.
        trouble = error
    if not reached:
        raise AssertionError(f"{whom}: not everything that had to end did") from trouble
    for index in range(3):
        assert not with_marker(f"{marker}-{index}"), f"{whom}: processes are left"


async def main():
    for test in [killed, timed_out, server_left]:
        await test()
        say(f"leftovers: {test.__name__} ok")
    for whom, number in [
        ("server", signal.SIGKILL), ("server", signal.SIGTERM), ("helper", signal.SIGKILL), ("supervisor", signal.SIGKILL),
    ]:
        await shot(whom, number)
        say(f"leftovers: {whom} {signal.Signals(number).name} ok")


asyncio.run(main())
