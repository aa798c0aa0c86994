"""Resources: listed, described by templates, read, completed, followed; in every era."""

import asyncio
import json

from mcp import types

from warden import PATIENCE, connected, eras, say


def text(result):
    return result.contents[0].text


def uri(address):
    """Version 1 of the package wants its own type of address."""
    return str(address)


async def listed_and_read(warden):
    job = await warden.run("echo out; echo err >&2", label="listed")
    await warden.call("get_job_status", job_id=job, wait_seconds=30)
    found = {str(one.uri).rstrip("/"): one for one in (await warden.client.list_resources()).resources}
    assert "policy://active" in found and found[f"job://{job}"].name == "listed", found
    assert json.loads(text(await warden.client.read_resource(uri(f"job://{job}"))))["status"] == "completed"
    assert text(await warden.client.read_resource(uri(f"job://{job}/stdout"))) == "out\n"
    assert text(await warden.client.read_resource(uri(f"job://{job}/stderr"))) == "err\n"
    assert "clients" in text(await warden.client.read_resource(uri("policy://active")))


async def templates_and_completion(warden):
    job = await warden.run("true")
    found = (await warden.client.list_resource_templates())
    found = getattr(found, "resource_templates", None) or found.resourceTemplates
    addresses = {getattr(one, "uri_template", None) or one.uriTemplate for one in found}
    assert addresses == {"job://{id}", "job://{id}/stdout", "job://{id}/stderr"}, addresses
    about = types.ResourceTemplateReference(type="ref/resource", uri="job://{id}/stdout")
    answer = await warden.client.complete(about, {"name": "id", "value": job[:6]})
    assert answer.completion.values == [job], answer


async def what_is_not_there(warden):
    for address in ["job://none", "job://none/stdout", "policy://other", "file:///etc/passwd"]:
        try:
            answer = await warden.client.read_resource(uri(address))
        except Exception as error:  # The packages name their error differently.
            assert "nothing at" in str(error), error
        else:
            raise AssertionError(answer)


async def followed():
    """With handshake: subscribe, and be told when there is output and when the job ends."""
    told = asyncio.Queue()

    async def listen(message):
        update = getattr(message, "root", message)
        if getattr(update, "method", "") == "notifications/resources/updated":
            await told.put(str(update.params.uri))

    async with connected("legacy", message_handler=listen) as warden:
        job = await warden.run("cat", keep_stdin_open=True)
        await warden.client.subscribe_resource(uri(f"job://{job}/stdout"))
        await warden.call("interact_with_job", job_id=job, input="news\n")
        assert await asyncio.wait_for(told.get(), PATIENCE) == f"job://{job}/stdout"
        await warden.client.subscribe_resource(uri(f"job://{job}"))
        await warden.call("kill_job", job_id=job)
        while await asyncio.wait_for(told.get(), PATIENCE) != f"job://{job}":
            pass
        await warden.client.unsubscribe_resource(uri(f"job://{job}"))


async def listened_to():
    """Without handshake: one request that carries the changes."""
    async with connected("auto") as warden:
        job = await warden.run("cat", keep_stdin_open=True)
        addresses = [f"job://{job}", f"job://{job}/stdout"]
        async with warden.client.listen(resource_subscriptions=addresses) as changes:
            await warden.call("interact_with_job", job_id=job, input="news\n")
            assert (await asyncio.wait_for(anext(changes), PATIENCE)).uri == addresses[1]
            await warden.call("kill_job", job_id=job)
            while (await asyncio.wait_for(anext(changes), PATIENCE)).uri != addresses[0]:
                pass


async def main():
    for era in eras():
        async with connected(era) as warden:
            for test in [listed_and_read, templates_and_completion, what_is_not_there]:
                await test(warden)
                say(f"resources, {era}: {test.__name__} ok")
        test = listened_to if era == "auto" else followed
        await test()
        say(f"resources, {era}: {test.__name__} ok")


asyncio.run(main())
