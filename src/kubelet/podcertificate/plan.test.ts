import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodCertificateRequest } from "#api/certificates/v1/types.gen";
import { formatTime } from "#apimachinery";
import { bundleOf, pendingRequest, planCredential, type CredentialState } from "./plan.ts";

const START_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const CHAIN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

function request(type?: "Issued" | "Denied" | "Failed"): PodCertificateRequest {
  const lastTransitionTime = formatTime(START_MS);
  const condition = { type: type!, status: "True", reason: "Why", message: "because", lastTransitionTime };
  return {
    metadata: { namespace: "ns", name: "req-1", creationTimestamp: formatTime(START_MS) },
    status: {
      ...(type !== undefined && { conditions: [condition] }),
      ...(type === "Issued" && {
        certificateChain: `prose\n${CHAIN}`,
        beginRefreshAt: formatTime(START_MS + HOUR_MS),
        notAfter: formatTime(START_MS + 2 * HOUR_MS),
      }),
    },
  } as unknown as PodCertificateRequest;
}

const waiting: CredentialState = { pending: pendingRequest(request(), "key", 0) };

function after(
  state: CredentialState,
  ms: number,
  seen?: PodCertificateRequest,
): ReturnType<typeof planCredential> {
  return planCredential(state, seen, START_MS + ms, 0);
}

const { state: fresh } = after(waiting, 0, request("Issued"));

test("planCredential asks at first, and waits until somebody answers", () => {
  assert.equal(after({}, 0).next, "request");
  for (const seen of [undefined, request()])
    assert.deepEqual(after(waiting, 0, seen), { state: waiting, events: [], next: "wait" });
  assert.throws(() => bundleOf(waiting), /^Error: credential bundle is not issued yet$/);
});

test("planCredential keeps the key of the request with the certificates of the answer", () => {
  const { privateKey, chain } = bundleOf(fresh);
  assert.deepEqual([privateKey, chain], ["key", CHAIN]);
  assert.equal(fresh.pending, undefined);
  assert.equal(after(fresh, HOUR_MS - 1).next, "wait");
});

test("planCredential renews when it is told to, and shows the old certificate until the new one is there", () => {
  assert.equal(after(fresh, HOUR_MS).next, "request");
  const renewing = { ...fresh, pending: { ...waiting.pending!, privateKey: "next" } };
  assert.equal(bundleOf(renewing).privateKey, "key");
  const { state } = after(renewing, HOUR_MS, request("Issued"));
  assert.equal(bundleOf(state).privateKey, "next");
});

test("planCredential warns once of a renewal that is late, and of a certificate that is over", () => {
  const late = after({ ...fresh, ...waiting }, HOUR_MS + 11 * MINUTE_MS, request());
  assert.deepEqual(
    late.events.map(({ reason }) => reason),
    ["CertificateOverdueForRefresh"],
  );
  assert.deepEqual(after(late.state, HOUR_MS + 12 * MINUTE_MS, request()).events, []);
  const over = after(late.state, 2 * HOUR_MS + 1, request());
  assert.deepEqual(over.events, [{ reason: "CertificateExpired", message: "PodCertificate expired" }]);
});

test("planCredential asks again when nobody has seen its request for ten minutes", () => {
  const lost = after(waiting, 10 * MINUTE_MS + 1);
  assert.deepEqual(lost, { state: {}, events: [], next: "retry" });
});

for (const [verdict, said, words] of [
  ["Denied", "was denied", "denied"],
  ["Failed", "failed", "failed"],
] as const)
  test(`planCredential takes ${verdict} for the last word`, () => {
    const { state, events, next } = after(waiting, 0, request(verdict));
    const message = `PodCertificateRequest ns/req-1 ${said}, reason="Why", message="because"`;
    assert.deepEqual(events, [{ reason: verdict, message }]);
    assert.equal(next, "wait");
    assert.equal(after(state, 24 * HOUR_MS).next, "wait");
    const shown = `PodCertificateRequest was permanently ${words}: reason="Why" message="because"`;
    assert.throws(() => bundleOf(state), { message: shown });
  });
