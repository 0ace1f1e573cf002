/** How long a new Service waits for its endpoints. */
import assert from "node:assert/strict";
import { Endpoints } from "#api/core/v1/endpoints";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import { systemClock } from "#apimachinery";
import { conformance, newPod } from "../harness/index.ts";
import { isPodReady } from "../apps/workloads.ts";
import { newService } from "./services.ts";

const SERVICES = 200;
/** Under way at a time. */
const TOGETHER = 15;
const P50_MAX_MS = 5_000;
const P99_MAX_MS = 20_000;

conformance(
  "[sig-network] Service endpoints latency should not be very high",
  { containers: true },
  async (t) => {
    const labels = { app: "latency" };
    const pod = newPod(t, "backend", { labels });
    await t.client.create(Pods, pod, t.signal);
    await t.waitFor(Pods, pod.metadata, (now) => now !== undefined && isPodReady(now));
    const latencies: number[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < SERVICES) {
        const name = `latency-${next++}`;
        const begin = systemClock.monotonicMs();
        await t.client.create(
          Services,
          newService(t, name, { selector: labels, ports: [{ port: 80 }] }),
          t.signal,
        );
        await t.waitFor(
          Endpoints,
          { namespace: t.namespace, name },
          (endpoints) => (endpoints?.subsets?.[0]?.addresses ?? []).length === 1,
        );
        latencies.push(systemClock.monotonicMs() - begin);
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, work));
    const sorted = latencies.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Infinity;
    t.test.diagnostic(
      `p50 ${at(0.5).toFixed(1)} ms, p90 ${at(0.9).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms`,
    );
    assert.equal(sorted.length, SERVICES);
    assert.ok(at(0.5) < P50_MAX_MS, `half of them waited ${at(0.5)} ms and more`);
    assert.ok(at(0.99) < P99_MAX_MS, `one in a hundred waited ${at(0.99)} ms and more`);
  },
);
