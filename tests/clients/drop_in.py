"""The workflow of `mcp-background-job`, written against its interface, on `serve --structured`."""

import asyncio
import json

from warden import connected, eras, say


def fields(answer, *names):
    """The JSON of an answer with exactly these fields, and the same JSON as text for older clients."""
    assert not answer.error, answer
    assert list(answer.json) == list(names), answer
    assert json.loads(answer.text) == answer.json, answer
    return answer.json


async def until(warden, job, wanted):
    while fields(await warden.call("get_job_status", job_id=job), "status")["status"] != wanted:
        await asyncio.sleep(0.05)


async def execute_and_monitor(warden):
    job = fields(await warden.call("execute_command", command="echo one && echo two"), "job_id")["job_id"]
    await until(warden, job, "completed")
    output = fields(await warden.call("get_job_output", job_id=job), "stdout", "stderr")
    assert output == {"stdout": "one\ntwo\n", "stderr": ""}, output
    output = fields(await warden.call("tail_job_output", job_id=job, lines=1), "stdout", "stderr")
    assert output["stdout"].strip() == "two", output


async def interact_and_kill(warden):
    job = fields(await warden.call("execute_command", command="cat"), "job_id")["job_id"]
    output = fields(await warden.call("interact_with_job", job_id=job, input="hello\n"), "stdout", "stderr")
    assert output["stdout"] == "hello\n", output
    assert fields(await warden.call("get_job_status", job_id=job), "status") == {"status": "running"}
    assert fields(await warden.call("kill_job", job_id=job), "status") == {"status": "killed"}
    assert fields(await warden.call("kill_job", job_id=job), "status") == {"status": "already_terminated"}
    assert fields(await warden.call("kill_job", job_id="none"), "status") == {"status": "not_found"}
    await until(warden, job, "killed")


async def lists(warden):
    jobs = fields(await warden.call("list_jobs"), "jobs")["jobs"]
    assert [job["command"] for job in jobs] == ["cat", "echo one && echo two"], jobs
    assert all(set(job) == {"job_id", "status", "command", "started"} for job in jobs), jobs


async def errors(warden):
    answer = await warden.call("get_job_status", job_id="none")
    assert answer.error and answer.text == "Job none not found", answer
    answer = await warden.call("execute_command", command="whoami")
    assert answer.error, answer


async def schemas(warden):
    for name, tool in (await warden.tools()).items():
        shape = tool.output_schema if hasattr(tool, "output_schema") else tool.outputSchema
        assert shape and shape["type"] == "object", name


async def main():
    for era in eras():
        async with connected(era, "--structured") as warden:
            for step in [schemas, execute_and_monitor, interact_and_kill, lists, errors]:
                await step(warden)
                say(f"drop-in, {era}: {step.__name__} ok")


asyncio.run(main())
