import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AgentFlags } from "./agent.ts";
import { withConfigFile, withFileFlags } from "./kubelet-config-file.ts";

const FILE = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 20
podPidsLimit: 50
evictionHard:
  memory.available: 200Mi
`;

test("withConfigFile() reads the file, and lets flags win", async () => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-kubelet-config-"));
  try {
    const path = join(folder, "kubelet.yaml");
    await writeFile(path, FILE);
    const flags = { podPidsLimit: 100, eviction: { maxPodGracePeriodSeconds: 5 }, imageGC: {} };
    assert.deepEqual(await withConfigFile(path, flags), {
      maxPods: 20,
      podPidsLimit: 100,
      eviction: { hard: { "memory.available": "200Mi" }, maxPodGracePeriodSeconds: 5 },
      imageGC: {},
      shutdown: {},
    });
    await writeFile(path, `${FILE}clusterDNS: [10.1.0.10]\nclusterDomain: other.local\nresolvConf: ""\n`);
    const given = { config: path, clusterDns: "10.96.0.10", clusterDomain: "cluster.local" } as AgentFlags;
    const { clusterDns, clusterDomain, resolvConf } = await withFileFlags(
      given,
      (name) => name === "clusterDomain",
    );
    assert.deepEqual([clusterDns, clusterDomain, resolvConf], ["10.1.0.10", "cluster.local", ""]);
    await writeFile(path, `${FILE}cpuManagerPolicy: static\n`);
    await assert.rejects(
      withConfigFile(path, flags),
      /Cannot use the kubelet configuration .*cpuManagerPolicy/u,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
