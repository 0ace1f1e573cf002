import assert from "node:assert/strict";
import { test } from "node:test";
import { reportableStatus, statusPatch, withTransitionTimes } from "./status-patch.ts";

const ready = { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" };

test("statusPatch() is undefined when only the notation differs", () => {
  const api = {
    phase: "Running",
    containerStatuses: [
      { name: "c", ready: true, restartCount: 0, image: "", imageID: "", state: {}, lastState: {} },
    ],
  };
  const ours = {
    phase: "Running",
    containerStatuses: [{ name: "c", ready: true, restartCount: 0, image: "", imageID: "" }],
  };
  assert.equal(statusPatch(api, ours), undefined);
});

test("statusPatch() removes what is no longer true, with the wire's null", () => {
  const patch = statusPatch({ phase: "Pending", reason: "X", message: "y" }, { phase: "Running" });
  assert.deepEqual(patch, { phase: "Running", reason: null, message: null });
});

test("statusPatch() sends only conditions of our own that have changed", () => {
  const other = { type: "example.com/gate", status: "True" };
  const api = { conditions: [ready, other] };
  const ours = {
    conditions: [
      ready,
      { type: "ContainersReady", status: "False", reason: "X" },
      { ...other, status: "False" },
    ],
  };
  assert.deepEqual(statusPatch(api, ours), {
    conditions: [{ type: "ContainersReady", status: "False", reason: "X" }],
  });
});

test("statusPatch() deletes addresses that a merge would keep", () => {
  const patch = statusPatch({ podIPs: [{ ip: "10.0.0.1" }] }, { podIPs: [{ ip: "10.0.0.2" }] });
  assert.deepEqual(patch, { podIPs: [{ ip: "10.0.0.2" }, { $patch: "delete", ip: "10.0.0.1" }] });
});

test("withTransitionTimes() keeps the time of a condition that has not changed", () => {
  const now = "2026-02-02T00:00:00Z";
  const same = withTransitionTimes(
    { conditions: [{ type: "Ready", status: "True" }] },
    { conditions: [ready] },
    now,
  );
  assert.equal(same.conditions?.[0]?.lastTransitionTime, ready.lastTransitionTime);
  const other = withTransitionTimes(
    { conditions: [{ type: "Ready", status: "False" }] },
    { conditions: [ready] },
    now,
  );
  assert.equal(other.conditions?.[0]?.lastTransitionTime, now);
});

test("reportableStatus() keeps a terminal phase back while a container runs", () => {
  const container = { name: "c", ready: false, restartCount: 0, image: "i", imageID: "" };
  const running = [{ ...container, state: { running: {} } }];
  const ended = [{ ...container, state: { terminated: { exitCode: 1 } } }];
  const failed = { phase: "Failed", reason: "DeadlineExceeded", message: "late" } as const;
  const api = { phase: "Running" } as const;
  assert.deepEqual(reportableStatus(api, { ...failed, containerStatuses: running }), {
    phase: "Running",
    containerStatuses: running,
  });
  assert.deepEqual(reportableStatus(api, { ...failed, containerStatuses: ended }), {
    ...failed,
    containerStatuses: ended,
  });
  const sidecar = { ...failed, containerStatuses: ended, initContainerStatuses: running };
  assert.equal(reportableStatus(api, sidecar).phase, "Running");
  assert.equal(
    reportableStatus(api, { ...failed, containerStatuses: ended }, true).phase,
    "Running",
    "claims",
  );
  assert.equal(reportableStatus({ phase: "Failed" }, sidecar).phase, "Failed", "there is no way back");
});
