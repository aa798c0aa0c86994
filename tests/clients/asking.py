"""Progress while a call waits, and questions of the policy that a person answers; in every era."""

import asyncio

from mcp.types import ElicitResult

from warden import connected, eras, say


def person(action, seen):
    async def answers(_context, form):
        seen.append(form.message)
        return ElicitResult(action=action, content={} if action == "accept" else None)

    return answers


async def confirmed(era):
    seen = []
    async with connected(era, elicitation_callback=person("accept", seen)) as warden:
        answer = await warden.call("execute_command", command="uname")
        assert not answer.error and "Linux" in answer.text, answer
        assert len(seen) == 1 and "uname" in seen[0] and "tests want a question" in seen[0], seen
        answer = await warden.call("execute_command", command="uname -r")
        assert not answer.error and len(seen) == 2, ("a yes counts for one call", seen, answer)


async def declined(era):
    for action in ["decline", "cancel"]:
        seen = []
        async with connected(era, elicitation_callback=person(action, seen)) as warden:
            answer = await warden.call("execute_command", command="uname")
            assert answer.error and len(seen) >= 1, (seen, answer)
            assert (await warden.call("list_jobs")).json == {"jobs": []}


async def nobody_to_ask(era):
    async with connected(era) as warden:
        answer = await warden.call("execute_command", command="uname")
        assert answer.error and "nobody said yes" in answer.text, answer
        assert (await warden.call("list_jobs")).json == {"jobs": []}


async def progress(era):
    async with connected(era) as warden:
        signs = []

        async def sign(passed, total, word):
            signs.append((passed, total, word))

        arguments = {"command": "sleep 6", "wait_seconds": 30}
        await warden.client.call_tool("execute_command", arguments, progress_callback=sign)
        assert len(signs) >= 2, signs
        assert signs == sorted(signs) and all(total == 30 for _, total, _ in signs), signs
        assert "running" in signs[1][2] and "completed" in signs[-1][2], signs


async def main():
    for era in eras():
        for test in [confirmed, declined, nobody_to_ask]:
            await test(era)
            say(f"asking, {era}: {test.__name__} ok")
    # Each of these mostly waits.
    await asyncio.gather(*map(progress, eras()))
    say("asking: progress ok")


asyncio.run(main())
