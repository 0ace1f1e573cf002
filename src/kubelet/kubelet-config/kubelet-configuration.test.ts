import assert from "node:assert/strict";
import { test } from "node:test";
import { kubeletConfiguration } from "./kubelet-configuration.ts";

const HEAD = { apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration" };
const read = (fields: object): ReturnType<typeof kubeletConfiguration> =>
  kubeletConfiguration({ ...HEAD, ...fields });

test("kubeletConfiguration() reads what works", () => {
  const fields = {
    maxPods: 20,
    seccompDefault: true,
    containerLogMaxSize: "1Mi",
    evictionHard: { "memory.available": "200Mi" },
    imageMinimumGCAge: "5m",
    shutdownGracePeriod: "30s",
    shutdownGracePeriodCriticalPods: "10s",
    userNamespaces: { idsPerPod: 131_072 },
    serializeImagePulls: true,
    cpuManagerPolicy: "none",
    memorySwap: { swapBehavior: "NoSwap" },
  };
  assert.deepEqual(read(fields), {
    maxPods: 20,
    seccompDefault: true,
    containerLogMaxBytes: 1_048_576,
    parallelImagePullsMax: 1,
    userNamespacesIdsPerPod: 131_072,
    eviction: { hard: { "memory.available": "200Mi" } },
    imageGC: { minimumAgeMs: 300_000 },
    shutdown: { gracePeriodSeconds: 30, gracePeriodCriticalPodsSeconds: 10 },
  });
});

const refused: readonly (readonly [object, RegExp])[] = [
  [
    { cpuManagerPolicy: "static" },
    /cpuManagerPolicy "static" is not supported by this kubelet, only "none"/u,
  ],
  [{ memoryManagerPolicy: "Static" }, /memoryManagerPolicy "Static" is not supported/u],
  [{ topologyManagerPolicy: "restricted" }, /topologyManagerPolicy "restricted" is not supported/u],
  [{ memorySwap: { swapBehavior: "LimitedSwap" } }, /memorySwap \{"swapBehavior":"LimitedSwap"\} is not/u],
  [{ clusterDNS: ["10.0.0.10"] }, /clusterDNS is not read from the file: use --cluster-dns/u],
  [{ maxPod: 1 }, /unknown field "maxPod"/u],
  [{ constructor: 1 }, /unknown field "constructor"/u],
  [{ maxPods: "1" }, /maxPods must be a whole number/u],
  [
    { shutdownGracePeriod: "5s", shutdownGracePeriodCriticalPods: "10s" },
    /invalid configuration: shutdownGracePeriodCriticalPods 10s must be <= shutdownGracePeriod 5s/u,
  ],
  [{ shutdownGracePeriod: "500ms" }, /shutdownGracePeriod 500ms must be either zero or otherwise >= 1 sec/u],
  [{ userNamespaces: { idsPerPod: 100_000 } }, /idsPerPod must be a multiple of 65536/u],
  [
    { enableSystemLogQuery: true, enableSystemLogHandler: false },
    /enableSystemLogHandler is required for enableSystemLogQuery/u,
  ],
  [{ imageGCHighThresholdPercent: 70 }, /imageGCLowThresholdPercent .* 80 must be less than .* 70/u],
];

for (const [fields, message] of refused) {
  test(`kubeletConfiguration() refuses ${JSON.stringify(fields)}`, () => {
    assert.throws(() => read(fields), message);
  });
}

test("kubeletConfiguration() refuses another kind", () => {
  assert.throws(() => kubeletConfiguration({ kind: "Pod" }), /not a KubeletConfiguration/u);
});
