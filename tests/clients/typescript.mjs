// The TypeScript SDK, versions 1 and 2, as hosts on Node use it: sockets instead of pipes, cancel on abort.
//
// SHELLWARDEN_TEST_NODE names a folder whose node_modules has both packages.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const load = createRequire(join(process.env.SHELLWARDEN_TEST_NODE, "package.json"));

const sdks = [
  {
    name: "sdk 1, handshake",
    parts: () => ({ ...load("@modelcontextprotocol/sdk/client/index.js"), ...load("@modelcontextprotocol/sdk/client/stdio.js") }),
    options: {},
    call: (client, params, options) => client.callTool(params, undefined, options),
    onQuestion: (client, answer) => client.setRequestHandler(load("@modelcontextprotocol/sdk/types.js").ElicitRequestSchema, answer),
  },
  {
    name: "client 2, handshake",
    parts: () => ({ ...load("@modelcontextprotocol/client"), ...load("@modelcontextprotocol/client/stdio") }),
    options: {},
    call: (client, params, options) => client.callTool(params, options),
    onQuestion: (client, answer) => client.setRequestHandler("elicitation/create", answer),
  },
  {
    name: "client 2, no handshake",
    parts: () => ({ ...load("@modelcontextprotocol/client"), ...load("@modelcontextprotocol/client/stdio") }),
    options: { versionNegotiation: { mode: "auto" } },
    call: (client, params, options) => client.callTool(params, options),
    onQuestion: (client, answer) => client.setRequestHandler("elicitation/create", answer),
  },
];

async function session({ name, options, call, onQuestion }, { Client, StdioClientTransport }) {
  const base = mkdtempSync(join(tmpdir(), "warden-"));
  const [workspace, state] = [join(base, "workspace"), join(base, "state")];
  mkdirSync(workspace);
  mkdirSync(state);
  const args = ["serve", "--policy", join(here, "policy.yaml"), "--workspace", workspace, "--state", state];
  const transport = new StdioClientTransport({ command: process.env.SHELLWARDEN_BINARY, args, env: process.env });
  const client = new Client({ name: "test", version: "1" }, { ...options, capabilities: { elicitation: { form: {} } } });
  const questions = [];
  onQuestion(client, async ({ params }) => {
    questions.push(params.message);
    return questions.length === 1 ? { action: "accept", content: {} } : { action: "decline" };
  });
  await client.connect(transport);
  const tool = (name, args, options) => call(client, { name, arguments: args }, options);
  const text = (result) => result.content.map((block) => block.text).join("");

  const { tools } = await client.listTools();
  assert(tools.some((tool) => tool.name === "execute_command"));

  assert.match(text(await tool("execute_command", { command: "seq 1 3 | tail -n 1" })), /exit code 0[^]*3\n/);

  const signs = [];
  await tool("execute_command", { command: "sleep 6", wait_seconds: 20 }, { onprogress: (sign) => signs.push(sign) });
  assert(signs.length >= 2, "progress");

  const started = await tool("execute_command", { command: "cat", keep_stdin_open: true, wait_seconds: 0, label: "cat" });
  const job = text(started).split(" ")[1];
  assert.match(text(await tool("interact_with_job", { job_id: job, input: "hello\n" })), /hello/);

  const abort = new AbortController();
  const waiting = tool("execute_command", { command: "sleep 1000", wait_seconds: 45, label: "aborted" }, { signal: abort.signal });
  const of = async (label) => (await tool("list_jobs", { label })).structuredContent.jobs[0];
  while ((await of("aborted"))?.status !== "running");
  abort.abort();
  await assert.rejects(waiting);
  const { job_id } = await of("aborted");
  const ended = await tool("get_job_status", { job_id, wait_seconds: 30 });
  assert.equal(ended.structuredContent.status, "killed", "an aborted call ends its job");
  assert.equal((await of("cat")).status, "running", "and no other");

  const { resources } = await client.listResources();
  assert(resources.some((resource) => resource.uri === `job://${job}`));
  const { contents } = await client.readResource({ uri: `job://${job}/stdout` });
  assert.equal(contents[0].text, "hello\n");

  assert.match(text(await tool("execute_command", { command: "uname" })), /Linux/);
  assert(questions.length === 1 && questions[0].includes("uname"), "a person was asked");
  assert((await tool("execute_command", { command: "uname" })).isError, "and said no the second time");
  const denied = await tool("execute_command", { command: "whoami" });
  assert(denied.isError && /tests want a denial/.test(text(denied)));

  await client.close();
  rmSync(base, { recursive: true });
  console.error(`typescript, ${name}: ok`);
}

await Promise.all(sdks.map((sdk) => session(sdk, sdk.parts())));
