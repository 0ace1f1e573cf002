import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, type LogFields, type Logger, StatusError } from "#apimachinery";
import { isUnreachable, logFailure, quietLogger, UnreachableError } from "./unreachable.ts";

const refused = Object.assign(new Error("connect ECONNREFUSED 192.0.2.1:6443"), { code: "ECONNREFUSED" });
const badCertificate = Object.assign(new Error("expired"), { code: "CERT_HAS_EXPIRED" });

const table: readonly (readonly [what: string, err: unknown, expected: boolean])[] = [
  ["a refused connection", refused, true],
  ["a refused connection as a cause", new Error("Failed to connect", { cause: refused }), true],
  ["a transport's own word", new UnreachableError("no answer"), true],
  ["an answer", new StatusError("ServiceUnavailable", "starting"), false],
  ["a certificate that is refused", new Error("Failed to connect", { cause: badCertificate }), false],
  ["another error", new TypeError("x is not a function"), false],
  ["no error at all", "ECONNREFUSED", false],
];
for (const [what, err, expected] of table) {
  test(`isUnreachable() is ${expected} for ${what}`, () => assert.equal(isUnreachable(err), expected));
}

function recorder(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push(`${level} ${message} [${Object.keys(fields ?? {}).join(" ")}]`);
  const logger: Logger = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => logger,
  };
  return { logger, lines };
}

test("logFailure() says once a minute, for all of a client, that there is no server", () => {
  const { logger, lines } = recorder();
  const clock = new FakeClock();
  const log = { client: {}, clock, logger };
  logFailure(log, "Failed to list", { kind: "Pod", err: refused });
  logFailure(log, "Failed to list", { kind: "Node", err: refused });
  clock.advance(59_999);
  logFailure(log, "Failed to list", { kind: "Pod", err: refused });
  clock.advance(1);
  logFailure(log, "Failed to list", { kind: "Pod", err: refused });
  assert.deepEqual(lines, [
    "info The API server cannot be reached, trying again [reason]",
    "debug Failed to list [kind reason]",
    "debug Failed to list [kind reason]",
    "info The API server cannot be reached, trying again [reason]",
  ]);
});

test("logFailure() warns with the whole error of everything else", () => {
  const { logger, lines } = recorder();
  const log = { client: {}, clock: new FakeClock(), logger };
  logFailure(log, "Failed to list", { kind: "Pod", err: new StatusError("Forbidden", "no") });
  assert.deepEqual(lines, ["warn Failed to list [kind err]"]);
});

test("quietLogger() does the same for warnings, and leaves the other lines as they are", () => {
  const { logger, lines } = recorder();
  const quiet = quietLogger({ client: {}, clock: new FakeClock(), logger }).child({ part: "x" });
  quiet.warn("Writing failed", { uid: "u1", err: refused });
  quiet.warn("Writing failed", { uid: "u1", err: refused });
  quiet.warn("Odd", { uid: "u1" });
  quiet.error("Bad", { err: refused });
  quiet.info("Runs");
  assert.deepEqual(lines, [
    "info The API server cannot be reached, trying again [reason]",
    "debug Writing failed [uid reason]",
    "warn Odd [uid]",
    "error Bad [err]",
    "info Runs []",
  ]);
});
