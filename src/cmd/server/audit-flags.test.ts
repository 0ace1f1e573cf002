import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import { silentLogger } from "#apimachinery";
import { addAuditFlags, auditOptions, type AuditFlags } from "./audit-flags.ts";
import { addShutdownFlags, shutdownOptions } from "./shutdown-flags.ts";

const POLICY = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n";
const KUBECONFIG = `
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "https://audit.example/events"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: t}}]
`;

async function parse(...words: readonly string[]): Promise<ReturnType<typeof auditOptions>> {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-audit-"));
  try {
    await writeFile(join(folder, "policy"), POLICY);
    await writeFile(join(folder, "broken"), POLICY.replace("Metadata", "Everything"));
    await writeFile(join(folder, "webhook"), KUBECONFIG);
    const command = new Command().exitOverride();
    addAuditFlags(command);
    command.parse(
      words.map((word) => word.replace("DIR", folder)),
      { from: "user" },
    );
    return await auditOptions(command.opts<AuditFlags>(), silentLogger);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("auditOptions() says nothing without a policy", async () => {
  assert.deepEqual(await parse("--audit-log-path=/x"), {});
});

test("auditOptions() has upstream's defaults", async () => {
  const { audit } = await parse(
    "--audit-policy-file=DIR/policy",
    "--audit-log-path=-",
    "--audit-webhook-config-file=DIR/webhook",
  );
  assert.deepEqual(audit?.log, {
    path: "-",
    format: "json",
    maxAgeDays: 366,
    maxBackups: 100,
    maxSizeMb: 100,
    compress: false,
    mode: "blocking",
    batch: { bufferSize: 10_000, maxSize: 1, maxWaitMs: 0 },
  });
  assert.deepEqual(audit?.webhook, {
    config: { server: "https://audit.example/events", token: "t" },
    initialBackoffMs: 10_000,
    mode: "batch",
    batch: { bufferSize: 10_000, maxSize: 400, maxWaitMs: 30_000, throttle: { qps: 10, burst: 15 } },
  });
});

test("auditOptions() takes what the flags say", async () => {
  const { audit } = await parse(
    "--audit-policy-file=DIR/policy",
    "--audit-log-path=/x",
    "--audit-log-mode=batch",
    "--audit-log-batch-max-wait=1s",
    "--audit-log-truncate-enabled",
    "--audit-log-truncate-max-event-size=1000",
    "--audit-log-compress=true",
  );
  assert.equal(audit?.log?.mode, "batch");
  assert.equal(audit?.log?.batch.maxWaitMs, 1000);
  assert.equal(audit?.log?.compress, true);
  assert.deepEqual(audit?.log?.truncate, { maxEventBytes: 1000, maxBatchBytes: 10_485_760 });
});

const REFUSED: readonly [readonly string[], RegExp][] = [
  [
    ["--audit-policy-file=/nowhere/policy"],
    /^Error: loading audit policy file: failed to read file path "\/nowhere\/policy"/,
  ],
  [
    ["--audit-policy-file=DIR/broken"],
    /^Error: loading audit policy file: rules\[0\].level: Unsupported value: "Everything".*: from file .*broken$/,
  ],
  [
    ["--audit-policy-file=DIR/policy", "--audit-log-path=/x", "--audit-log-maxage=-1"],
    /^Error: --audit-log-maxage -1 can't be a negative number$/,
  ],
  [
    [
      "--audit-policy-file=DIR/policy",
      "--audit-log-path=/x",
      "--audit-log-mode=batch",
      "--audit-log-batch-buffer-size=0",
    ],
    /^Error: invalid audit batch log buffer size 0, must be a positive number$/,
  ],
];

for (const [words, problem] of REFUSED) {
  test(`auditOptions() refuses ${words.join(" ")}`, async () => {
    await assert.rejects(parse(...words), (err) => problem.test(String(err)));
  });
}

test("shutdownOptions() reads its flags, and refuses what makes no sense", () => {
  const command = new Command();
  addShutdownFlags(command);
  command.parse(["--shutdown-delay-duration=70s", "--shutdown-send-retry-after", "--goaway-chance=0.01"], {
    from: "user",
  });
  assert.deepEqual(shutdownOptions(command.opts()), {
    shutdownDelayMs: 70_000,
    shutdownSendRetryAfter: true,
    goawayChance: 0.01,
  });
  assert.throws(() => shutdownOptions({ goawayChance: 0.5 }), /greater than 0.02/);
  assert.throws(() => shutdownOptions({ shutdownDelayDuration: -1 }), /can not be negative/);
});
