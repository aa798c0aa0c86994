// Jobs as tasks with the TypeScript package for them: long runs, cancelling, taking up again, a question within a call.
//
// SHELLWARDEN_TEST_NODE names a folder whose node_modules has the SDK 2 and `ext-tasks`.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(process.env.SHELLWARDEN_TEST_NODE, "node_modules/@modelcontextprotocol");
const { Client } = await import(join(packages, "client/dist/index.mjs"));
const { StdioClientTransport } = await import(join(packages, "client/dist/stdio.mjs"));
const { createTaskSessionFromClient, resultFromTaskOutcome } = await import(join(packages, "ext-tasks/dist/client/index.js"));

const me = { name: "test", version: "1" };
const capabilities = { elicitation: { form: {} }, extensions: { "io.modelcontextprotocol/tasks": {} } };
const base = mkdtempSync(join(tmpdir(), "warden-"));
const [workspace, state] = [join(base, "workspace"), join(base, "state")];
mkdirSync(workspace);
mkdirSync(state);
const args = ["serve", "--policy", join(here, "policy.yaml"), "--workspace", workspace, "--state", state];
const transport = new StdioClientTransport({ command: process.env.SHELLWARDEN_BINARY, args, env: process.env });
const client = new Client(me, { versionNegotiation: { mode: "auto" }, capabilities });
await client.connect(transport);

// The package sends its own requests past the client, as its hosts do: answers to them are taken out of the stream.
const waiting = new Map();
const toClient = transport.onmessage;
transport.onmessage = (message, extra) => {
  const answer = waiting.get(message.id);
  if (answer === undefined || message.method !== undefined) return toClient(message, extra);
  waiting.delete(message.id);
  answer("error" in message ? { kind: "error", error: message.error } : { kind: "result", result: message.result });
};
let sent = 0;
const rawDispatch = (request) =>
  new Promise((answer, fail) => {
    const id = `raw-${(sent += 1)}`;
    waiting.set(id, answer);
    transport.send({ ...request, jsonrpc: "2.0", id }).catch(fail);
  });

const questions = [];
const session = createTaskSessionFromClient(client, {
  endpointId: "warden",
  rawDispatch,
  v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo: me, clientCapabilities: capabilities },
  onInputRequest: async ({ params }) => {
    questions.push(params.message);
    return questions.length === 1 ? { action: "accept", content: {} } : { action: "decline" };
  },
});
const text = (result) => result.content.map((block) => block.text).join("");
const run = (command, more) => session.callTool("execute_command", { command, wait_seconds: 0, ...more });
const state_of = async (label) =>
  (await client.callTool({ name: "list_jobs", arguments: { label } })).structuredContent.jobs[0].status;
const steps = {
  async "a long run is a task with the result that its call would have had"() {
    const execution = await run("cat; echo done", { keep_stdin_open: true });
    assert.equal(execution.kind, "task");
    const { taskId } = execution.handle;
    assert.equal((await session.task(taskId).snapshot()).status, "working");
    await client.callTool({ name: "interact_with_job", arguments: { job_id: taskId, input: "in\n", close_stdin: true } });
    const { outcome } = await execution.settle();
    assert.match(text(resultFromTaskOutcome(outcome)), /exit code 0[^]*in\ndone\n/);
  },
  async "one that fails has its result, too"() {
    const { outcome } = await (await run("cat /proc/self/mem; exit 3", { wait_seconds: 30 })).settle();
    assert.match(text(resultFromTaskOutcome(outcome)), /exit code 3/);
  },
  async "cancelling the task ends the job"() {
    const execution = await run("sleep 1000", { label: "cancelled" });
    await execution.cancel();
    assert.equal((await execution.result()).status, "cancelled");
    // The package does not wait for the server to say so.
    await client.callTool({ name: "get_job_status", arguments: { job_id: execution.handle.taskId, wait_seconds: 30 } });
    assert.equal(await state_of("cancelled"), "killed");
  },
  async "a task that was let go is taken up again"() {
    const execution = await run("cat", { label: "again", keep_stdin_open: true });
    let kept;
    await execution.handoff((reference) => void (kept = reference));
    assert(["queued", "running"].includes(await state_of("again")), "letting go of it ends nothing");
    const resumed = await session.resumeTask(kept);
    await client.callTool({ name: "interact_with_job", arguments: { job_id: kept.taskId, close_stdin: true } });
    assert.match(text(resultFromTaskOutcome((await resumed.settle()).outcome)), /exit code 0/);
  },
  async "a person is asked, and may say no"() {
    const allowed = await (await run("uname", { wait_seconds: 30 })).settle();
    assert.match(text(resultFromTaskOutcome(allowed.outcome)), /Linux/);
    assert(questions.length === 1 && questions[0].includes("uname"), questions);
    const denied = await (await run("uname", { wait_seconds: 30 })).settle();
    assert(resultFromTaskOutcome(denied.outcome).isError);
  },
  async "no other task can be looked at"() {
    await assert.rejects(session.task("none").snapshot(), /none/);
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.error(`tasks: ${name}: ok`);
}
await session.close();
await client.close();
rmSync(base, { recursive: true });
