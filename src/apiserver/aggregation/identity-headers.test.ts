import assert from "node:assert/strict";
import { test } from "node:test";
import { STANDARD_HEADERS } from "../authn/front-proxy-options.ts";
import { forwardedHeaders, identityHeaders, rawHeaders } from "./identity-headers.ts";

test("forwardedHeaders keeps nothing that says who asks, or that is of this connection", () => {
  const requestHeader = { ...STANDARD_HEADERS, clientCa: "", allowedNames: [], usernameHeaders: ["X-Who"] };
  const headers = {
    ":authority": "localhost",
    authorization: "Bearer secret",
    connection: "close, X-Hop",
    "x-hop": "1",
    "x-remote-user": "system:admin",
    "x-remote-group": "system:masters",
    "x-remote-uid": "0",
    "x-remote-extra-scopes": "all",
    "x-who": "root",
    "impersonate-user": "root",
    "impersonate-extra-a": "b",
    "transfer-encoding": "chunked",
    accept: "application/json",
    "x-forwarded-for": "10.0.0.1",
  };
  const credentials = { headers, remoteAddress: "10.0.0.2" };
  assert.deepEqual(forwardedHeaders({ headers, credentials }, requestHeader), {
    accept: "application/json",
    "x-forwarded-for": "10.0.0.1, 10.0.0.2",
  });
});

test("identityHeaders writes one line for each group, and escapes keys", () => {
  const user = {
    name: "jörg",
    uid: "42",
    groups: ["a, b", "c"],
    extra: { "example.com/scopes%": ["read", "write"] },
  };
  const raw = rawHeaders(identityHeaders(user));
  const lines = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`] : []));
  assert.deepEqual(lines, [
    "X-Remote-User: jÃ¶rg",
    "X-Remote-Uid: 42",
    "X-Remote-Group: a, b",
    "X-Remote-Group: c",
    "X-Remote-Extra-example.com%2Fscopes%25: read",
    "X-Remote-Extra-example.com%2Fscopes%25: write",
  ]);
  assert.deepEqual(identityHeaders({ name: "a", groups: [] }), { "X-Remote-User": "a" });
});
