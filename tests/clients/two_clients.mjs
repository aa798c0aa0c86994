// Two clients over HTTP with the TypeScript SDKs, each with its own token, set against each other.
//
// SHELLWARDEN_TEST_NODE names a folder whose node_modules has both packages.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const load = createRequire(join(process.env.SHELLWARDEN_TEST_NODE, "package.json"));
const binary = process.env.SHELLWARDEN_BINARY;

const sdks = [
  {
    name: "sdk 1, handshake",
    parts: () => ({
      ...load("@modelcontextprotocol/sdk/client/index.js"),
      ...load("@modelcontextprotocol/sdk/client/streamableHttp.js"),
    }),
    options: {},
  },
  { name: "client 2, handshake", parts: () => load("@modelcontextprotocol/client"), options: {} },
  {
    name: "client 2, no handshake",
    parts: () => load("@modelcontextprotocol/client"),
    options: { versionNegotiation: { mode: "auto" } },
  },
];

async function connected({ options }, { Client, StreamableHTTPClientTransport }, url, token) {
  const headers = { Authorization: `Bearer ${token}` };
  const client = new Client({ name: "test", version: "1" }, { ...options, capabilities: {} });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  const call = async (name, args) => {
    const result = await client.callTool({ name, arguments: args });
    return { error: result.isError, text: result.content.map((block) => block.text).join("") };
  };
  return { client, call };
}

async function againstEachOther(alice, bob) {
  const started = await alice.call("execute_command", { command: "sleep 300", wait_seconds: 0 });
  const job = started.text.split(" ")[1];
  for (const [tool, more] of [
    ["get_job_status", { wait_seconds: 1 }],
    ["get_job_output", {}],
    ["tail_job_output", {}],
    ["interact_with_job", { input: "x" }],
  ]) {
    const answer = await bob.call(tool, { job_id: job, ...more });
    assert(answer.error, tool);
    assert.match(answer.text, /no job/, tool);
  }
  assert.match((await bob.call("kill_job", { job_id: job })).text, /not_found|no job/);
  assert.equal((await bob.call("list_jobs", {})).text, "no jobs");
  await assert.rejects(bob.client.readResource({ uri: `job://${job}/stdout` }), /nothing at/);
  let status;
  do status = (await alice.call("get_job_status", { job_id: job })).text;
  while (/queued/.test(status));
  assert.match(status, /running/);
  const denied = await bob.call("execute_command", { command: "seq 1 3" });
  assert(denied.error);
  assert.match((await alice.call("execute_command", { command: "seq 1 3" })).text, /3/);
  assert.match((await alice.call("kill_job", { job_id: job })).text, /killed/);
}

for (const sdk of sdks) {
  const base = mkdtempSync(join(tmpdir(), "warden-"));
  for (const folder of ["workspace", "state"]) mkdirSync(join(base, folder));
  const wide = join(base, "wide.yaml");
  const narrow = join(base, "narrow.yaml");
  writeFileSync(wide, `version: 1\nextends: [${join(here, "policy.yaml")}]\nhttp: {tokens: "{state}/tokens.json"}\n`);
  const deny = "commands: {deny: [{id: no-seq, program: seq, reason: not for this one}]}";
  writeFileSync(narrow, `version: 1\nextends: [${join(here, "policy.yaml")}]\n${deny}\n`);
  const places = ["--policy", wide, "--workspace", join(base, "workspace"), "--state", join(base, "state")];
  const token = (...more) => execFileSync(binary, ["token", ...places, ...more], { encoding: "utf8", stdio: "pipe" }).trim();
  const tokens = [token("add", "alice"), token("add", "bob", "--client-policy", narrow)];
  const server = spawn(binary, ["serve", ...places, "--http", "127.0.0.1:0"], { stdio: ["ignore", "ignore", "pipe"] });
  const exit = once(server, "exit");
  let url;
  for await (const line of createInterface({ input: server.stderr })) {
    url = line.split("serving MCP at ")[1];
    if (url) break;
  }
  const clients = await Promise.all(tokens.map((token) => connected(sdk, sdk.parts(), url, token)));
  await againstEachOther(...clients);
  // A token that is worth nothing: the SDK says so, and the server nothing more.
  await assert.rejects(connected(sdk, sdk.parts(), url, "shellwarden_wrong"), /401|[Uu]nauthorized/);
  for (const { client } of clients) await client.close();
  server.kill("SIGTERM");
  assert.equal((await exit)[0], 0);
  rmSync(base, { recursive: true });
  console.error(`two clients, ${sdk.name}: right`);
}
