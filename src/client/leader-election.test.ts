import assert from "node:assert/strict";
import { test } from "node:test";
import { conflict, FakeClock, notFound, type KubeObject } from "#apimachinery";
import type { Lease } from "#api/coordination/v1/types.gen";
import type { Client } from "./client.ts";
import { runLeaderElection } from "./leader-election.ts";

const GR = { group: "coordination.k8s.io", resource: "leases" };

/** One Lease with optimistic locking; the server can be taken away. */
class LeaseServer {
  lease: Lease | undefined;
  isDown = false;
  #revision = 0;

  readonly client = {
    get: async () => this.#answer(() => this.lease ?? fail(notFound(GR, "lock"))),
    create: async (_: unknown, lease: KubeObject) => this.#answer(() => this.#store(lease as Lease)),
    update: async (_: unknown, lease: KubeObject) =>
      this.#answer(() => {
        if (lease.metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
          fail(conflict(GR, "lock", "stale"));
        return this.#store(lease as Lease);
      }),
  } as unknown as Client;

  #answer<R>(run: () => R): R {
    if (this.isDown) throw new Error("connection refused");
    return run();
  }

  #store(lease: Lease): Lease {
    const metadata = { ...lease.metadata, resourceVersion: String(++this.#revision) };
    return (this.lease = { ...lease, metadata });
  }
}

function fail(err: Error): never {
  throw err;
}

interface Candidate {
  readonly stop: AbortController;
  readonly log: string[];
  readonly done: Promise<void>;
}

function candidate(server: LeaseServer, clock: FakeClock, identity: string, log: string[]): Candidate {
  const stop = new AbortController();
  const done = runLeaderElection(
    {
      client: server.client,
      lease: { namespace: "kube-system", name: "lock" },
      identity,
      clock,
      random: () => 0,
      onStartedLeading: (signal) => {
        log.push(`${identity} starts`);
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      onStoppedLeading: () => void log.push(`${identity} stops`),
      onNewLeader: (leader) => void log.push(`${identity} sees ${leader}`),
    },
    stop.signal,
  );
  return { stop, log, done };
}

test("runLeaderElection() lets one of two work, and the other after a clean stop at once", async () => {
  const clock = new FakeClock();
  const server = new LeaseServer();
  const log: string[] = [];
  const a = candidate(server, clock, "a", log);
  await clock.advanceAsync(0);
  const b = candidate(server, clock, "b", log);
  await clock.advanceAsync(60_000);
  assert.deepEqual(log.toSorted(), ["a sees a", "a starts", "b sees a"]);
  assert.equal(server.lease?.spec?.holderIdentity, "a");
  assert.equal(server.lease?.spec?.leaseDurationSeconds, 15);
  a.stop.abort();
  await a.done;
  assert.equal(server.lease?.spec?.holderIdentity, undefined);
  await clock.advanceAsync(2_000);
  assert(log.includes("b starts"));
  assert.equal(server.lease?.spec?.leaseTransitions, 1);
  b.stop.abort();
  await b.done;
});

test("runLeaderElection() takes over from a leader that fell silent after the lease, not before", async () => {
  const clock = new FakeClock();
  const server = new LeaseServer();
  const time = "2020-01-01T00:00:00.000000Z";
  server.lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "lock", namespace: "kube-system", resourceVersion: "0" },
    spec: {
      holderIdentity: "dead",
      leaseDurationSeconds: 15,
      acquireTime: time,
      renewTime: time,
      leaseTransitions: 4,
    },
  };
  const log: string[] = [];
  const a = candidate(server, clock, "a", log);
  await clock.advanceAsync(14_999);
  assert.deepEqual(log, ["a sees dead"]);
  await clock.advanceAsync(2_000);
  assert.deepEqual(log.toSorted(), ["a sees a", "a sees dead", "a starts"]);
  assert.equal(server.lease.spec?.leaseTransitions, 5);
  a.stop.abort();
  await a.done;
});

test("runLeaderElection() ends when the lease cannot be renewed for ten seconds", async () => {
  const clock = new FakeClock();
  const server = new LeaseServer();
  const log: string[] = [];
  const a = candidate(server, clock, "a", log);
  await clock.advanceAsync(3_000);
  server.isDown = true;
  await clock.advanceAsync(8_000);
  assert(!log.includes("a stops"));
  await clock.advanceAsync(4_000);
  await a.done;
  assert.equal(log.at(-1), "a stops");
});

test("runLeaderElection() survives an outage shorter than the deadline", async () => {
  const clock = new FakeClock();
  const server = new LeaseServer();
  const log: string[] = [];
  const a = candidate(server, clock, "a", log);
  await clock.advanceAsync(3_000);
  server.isDown = true;
  await clock.advanceAsync(6_000);
  server.isDown = false;
  await clock.advanceAsync(60_000);
  assert(!log.includes("a stops"));
  a.stop.abort();
  await a.done;
});

test("runLeaderElection() ends when somebody else took the lease", async () => {
  const clock = new FakeClock();
  const server = new LeaseServer();
  const log: string[] = [];
  const a = candidate(server, clock, "a", log);
  await clock.advanceAsync(3_000);
  const { metadata, ...lease } = server.lease!;
  server.lease = {
    ...lease,
    metadata: { ...metadata, resourceVersion: "other" },
    spec: { ...lease.spec, holderIdentity: "thief" },
  };
  await clock.advanceAsync(2_000);
  await a.done;
  assert(log.includes("a stops"));
  assert.equal(server.lease.spec?.holderIdentity, "thief");
});

test("runLeaderElection() rejects with the failure of the work, after it released the lease", async () => {
  const server = new LeaseServer();
  const clock = new FakeClock();
  const options = {
    client: server.client,
    lease: { namespace: "kube-system", name: "lock" },
    identity: "a",
    clock,
    onStartedLeading: async () => fail(new Error("broken")),
  };
  await assert.rejects(runLeaderElection(options, new AbortController().signal), /broken/);
  assert.equal(server.lease?.spec?.holderIdentity, undefined);
});
