/** Kernel parameters of a pod's own namespaces. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import { isInvalid } from "#apimachinery";
import { CONTAINER, conformance, newPod } from "../harness/index.ts";
import { look } from "../storage/volume-pods.ts";

const SYSCTLS = "[sig-node] Sysctls [LinuxOnly] [NodeConformance] should";

conformance(
  `${SYSCTLS} reject invalid sysctls [MinimumKubeletVersion:1.21]`,
  { containers: true },
  async (t) => {
    const invalid = ["foo-", "bar..", "kernel shmmax", "Kernel.shm_rmid_forced", ""];
    const sysctls = ["kernel.shm_rmid_forced", ...invalid].map((name) => ({ name, value: "1" }));
    const spec = { containers: [CONTAINER], securityContext: { sysctls } };
    await assert.rejects(t.client.create(Pods, { ...newPod(t, "p"), spec }, t.signal), (err) => {
      assert.ok(isInvalid(err), String(err));
      const named = [...String(err).matchAll(/spec\.securityContext\.sysctls\[(\d)\]\.name/g)];
      const wrong = new Set(named.map(([, index]) => Number(index)));
      assert.deepEqual([...wrong], [1, 2, 3, 4, 5], "each that is wrong, and no other");
      return true;
    });
  },
);

conformance(
  `${SYSCTLS} support sysctls [MinimumKubeletVersion:1.21] [Environment:NotInUserNS]`,
  { containers: true },
  async (t) => {
    const script = "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_unprivileged_port_start";
    const sysctls = [
      { name: "kernel.shm_rmid_forced", value: "1" },
      { name: "net/ipv4/ip_unprivileged_port_start", value: "81" },
    ];
    assert.equal(await look(t, "p", { script, spec: { securityContext: { sysctls } } }), "1\n81\n");
    assert.equal(await look(t, "other", { script }), "0\n0\n", "nobody else has them");
  },
);
