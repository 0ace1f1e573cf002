import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenRow } from "./token-table.ts";
import { newTokenSecret } from "./token.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const GROUP = "system:bootstrappers:kubeadm:default-node-token";
const OPTIONS = { ttlMs: 86_400_000, usages: ["signing", "authentication"], groups: [GROUP] };
const TOKEN = "abcdef.0123456789abcdef";

test("newTokenSecret makes the Secret that kubeadm makes", () => {
  const secret = newTokenSecret(TOKEN, { ...OPTIONS, description: "demo" }, NOW);
  assert.equal(secret.metadata.name, "bootstrap-token-abcdef");
  assert.equal(secret.type, "bootstrap.kubernetes.io/token");
  const texts = Object.entries(secret.data!).map(([key, value]) => [
    key,
    Buffer.from(value, "base64").toString(),
  ]);
  assert.deepEqual(Object.fromEntries(texts), {
    "token-id": "abcdef",
    "token-secret": "0123456789abcdef",
    description: "demo",
    expiration: "2026-01-02T00:00:00Z",
    "usage-bootstrap-signing": "true",
    "usage-bootstrap-authentication": "true",
    "auth-extra-groups": GROUP,
  });
  assert.deepEqual(tokenRow(secret, NOW + 60_000), [
    TOKEN,
    "23h",
    "2026-01-02T00:00:00Z",
    "authentication,signing",
    "demo",
    GROUP,
  ]);
});

test("tokenRow shows a token without end, use and groups", () => {
  const secret = newTokenSecret(TOKEN, { ttlMs: 0, usages: ["signing"], groups: [] }, NOW);
  assert.deepEqual(tokenRow(secret, NOW), [TOKEN, "<forever>", "<never>", "signing", "<none>", "<none>"]);
});

for (const { what, token, options, want } of [
  { what: "another form", token: "ABCDEF.0123456789abcdef", options: {}, want: /not of the form/ },
  { what: "an unknown usage", token: TOKEN, options: { usages: ["magic"] }, want: /not "magic"/ },
  {
    what: "another group",
    token: TOKEN,
    options: { groups: ["system:masters"] },
    want: /"system:masters" is invalid/,
  },
  {
    what: "groups without authentication",
    token: TOKEN,
    options: { usages: ["signing"] },
    want: /cannot be specified/,
  },
])
  test(`newTokenSecret refuses ${what}`, () =>
    assert.throws(() => newTokenSecret(token, { ...OPTIONS, ...options }, NOW), {
      id: "TOKEN_INVALID",
      message: want,
    }));
