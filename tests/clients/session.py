"""The everyday session: list, run, wait, read, tail, talk, kill, list; in every era that the package speaks."""

import asyncio

from warden import connected, eras, say

TOOLS = {
    "execute_command", "check_command", "get_job_status", "get_job_output", "tail_job_output", "interact_with_job",
    "kill_job", "list_jobs", "wait_for_jobs",
}


async def tools(warden):
    found = await warden.tools()
    assert TOOLS <= set(found), found.keys()
    for name, tool in found.items():
        hints = tool.annotations.model_dump(by_alias=True, exclude_none=True)
        assert {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} <= set(hints), (name, hints)


async def pipeline(warden):
    answer = await warden.call("execute_command", command="printf 'b\\na\\nb\\n' | sort | uniq -c")
    assert not answer.error and "exit code 0" in answer.text, answer
    assert "1 a" in answer.text and "2 b" in answer.text, answer


async def failure_is_an_answer(warden):
    answer = await warden.call("execute_command", command="ls /usr/no-such-file")
    assert not answer.error and "exit code 2" in answer.text and "--- stderr ---" in answer.text, answer


async def input_text(warden):
    answer = await warden.call("execute_command", command="cat", stdin="given\n")
    assert "given" in answer.text and "completed" in answer.text, answer
    answer = await warden.call("execute_command", command="cat")
    assert "completed" in answer.text, ("stdin is at its end when nobody asked for it", answer)


async def wait_for_the_end(warden):
    job = await warden.run("sleep 0.3 && echo done", label="slow one")
    answer = await warden.call("get_job_status", job_id=job, wait_seconds=30)
    assert answer.json["status"] == "completed" and answer.json["exit_code"] == 0, answer
    answer = await warden.call("list_jobs", label="slow one")
    assert [one["job_id"] for one in answer.json["jobs"]] == [job], answer


async def output_is_never_sent_twice(warden):
    job = await warden.run("seq 1 3")
    await warden.call("get_job_status", job_id=job, wait_seconds=30)
    answer = await warden.call("get_job_output", job_id=job, max_bytes=2)
    assert "1\n" in answer.text and "next cursor 2:0" in answer.text, answer
    answer = await warden.call("get_job_output", job_id=job, cursor="2:0")
    assert "2\n3" in answer.text and "1\n" not in answer.text and "this was all" in answer.text, answer
    answer = await warden.call("tail_job_output", job_id=job, lines=1)
    assert "3" in answer.text and "2\n" not in answer.text, answer


async def talk(warden):
    job = await warden.run("cat", keep_stdin_open=True)
    answer = await warden.call("interact_with_job", job_id=job, input="hello\n")
    assert "hello" in answer.text, answer
    answer = await warden.call("interact_with_job", job_id=job, input="bye\n", close_stdin=True)
    assert "bye" in answer.text and "hello" not in answer.text, answer
    answer = await warden.call("get_job_status", job_id=job, wait_seconds=30)
    assert answer.json["status"] == "completed", answer
    answer = await warden.call("interact_with_job", job_id=job, input="late\n")
    assert answer.error, answer


async def denial(warden):
    answer = await warden.call("execute_command", command="whoami")
    assert answer.error and "refused" in answer.text and "tests want a denial" in answer.text, answer
    answer = await warden.call("check_command", command="whoami")
    assert not answer.error and answer.json["decision"] == "deny", answer
    answer = await warden.call("check_command", command="ls")
    assert answer.json["decision"] == "allow", answer


async def wrong_calls_say_what_is_right(warden):
    answer = await warden.call("execute_command", comand="ls")
    assert answer.error and "did you mean `command`" in answer.text, answer
    answer = await warden.call("tail_job_output", job_id="x", lines=0)
    assert answer.error and "from 1 to 1000" in answer.text, answer
    answer = await warden.call("get_job_status", job_id="x")
    assert answer.error and "list_jobs" in answer.text, answer


async def wait_for_several(warden):
    slow, fast, talker = await warden.run("sleep 1000"), await warden.run("true"), await warden.run("cat", keep_stdin_open=True)
    answer = await warden.call("wait_for_jobs", job_ids=[slow, fast])
    assert answer.json["reached"] and [job["job_id"] for job in answer.json["jobs"] if "ended" in job] == [fast], answer
    answer = await warden.call("wait_for_jobs", job_ids=[slow, fast], until="all", timeout_seconds=0.2)
    assert not answer.json["reached"] and "not reached" in answer.text, answer
    await warden.call("interact_with_job", job_id=talker, input="listening on 80\n")
    answer = await warden.call("wait_for_jobs", job_ids=[slow, talker], until="pattern", pattern="on [0-9]+")
    assert "it printed: listening on 80" in answer.text, answer
    answer = await warden.call("wait_for_jobs", job_ids=[talker], until="idle", idle_seconds=0.3)
    assert answer.json["jobs"][0]["silent"], answer
    for wrong in [{"until": "pattern"}, {"until": "pattern", "pattern": "("}, {"pattern": "x"}]:
        assert (await warden.call("wait_for_jobs", job_ids=[slow], **wrong)).error, wrong
    for job in [slow, talker]:
        await warden.call("kill_job", job_id=job)
    answer = await warden.call("wait_for_jobs", job_ids=[slow, fast, talker], until="all")
    assert answer.json["reached"], answer


async def kill(warden):
    job = await warden.run("sleep 1000")
    assert (await warden.call("kill_job", job_id=job)).json == {"status": "killed"}
    assert (await warden.call("kill_job", job_id=job)).json == {"status": "already_terminated"}
    assert (await warden.call("kill_job", job_id="x")).json == {"status": "not_found"}
    assert (await warden.call("get_job_status", job_id=job)).json["status"] == "killed"


STEPS = [
    tools, pipeline, failure_is_an_answer, input_text, wait_for_the_end, output_is_never_sent_twice, talk, denial,
    wrong_calls_say_what_is_right, wait_for_several, kill,
]


async def main():
    for era in eras():
        async with connected(era) as warden:
            for step in STEPS:
                await step(warden)
                say(f"session, {era}: {step.__name__} ok")


asyncio.run(main())
