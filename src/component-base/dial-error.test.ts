import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionError, DialTimeout, dialError, lookupError } from "./dial-error.ts";

const failed = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

test("dialError() speaks of connections as Go does", () => {
  const cases: readonly (readonly [error: unknown, host: string, text: string])[] = [
    [failed("ECONNREFUSED"), "10.0.0.1", "dial tcp 10.0.0.1:80: connect: connection refused"],
    [failed("EHOSTUNREACH"), "fd00::1", "dial tcp [fd00::1]:80: connect: no route to host"],
    [failed("ETIMEDOUT"), "10.0.0.1", "dial tcp 10.0.0.1:80: i/o timeout"],
    [new DialTimeout(), "10.0.0.1", "dial tcp 10.0.0.1:80: i/o timeout"],
    [new Error("odd"), "10.0.0.1", "dial tcp 10.0.0.1:80: odd"],
    ["odd", "10.0.0.1", "dial tcp 10.0.0.1:80: odd"],
  ];
  for (const [error, host, text] of cases) assert.equal(dialError(error, host, 80), text);
});

test("lookupError() names the server that was asked", () => {
  const refused = Object.assign(new Error("queryA ECONNREFUSED web"), { code: "ECONNREFUSED" });
  assert.equal(lookupError(refused, "web", "10.0.0.2"), "lookup web on 10.0.0.2:53: connection refused");
});

test("connectionError() knows dialing from what happens later", () => {
  const dialed = Object.assign(failed("ECONNREFUSED"), { syscall: "connect" });
  assert.equal(
    connectionError(dialed, new URL("https://[fd00::1]/x")),
    "dial tcp [fd00::1]:443: connect: connection refused",
  );
  assert.equal(
    connectionError(new DialTimeout(), new URL("http://10.0.0.1:81")),
    "dial tcp 10.0.0.1:81: i/o timeout",
  );
  assert.equal(connectionError(failed("ECONNRESET"), new URL("http://10.0.0.1")), "EOF");
  assert.equal(
    connectionError(new Error("certificate has expired"), new URL("https://a")),
    "certificate has expired",
  );
});
