import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { mountsBelow } from "./cleanup.ts";
import { daemonCommand, daemonConfig, daemonPaths } from "./daemon-config.ts";

const MOUNTS = `22 1 8:1 / / rw - ext4 /dev/vda rw
30 22 0:5 / /run/k8ts/a/rootfs rw shared:1 - overlay overlay rw
31 30 0:6 / /run/k8ts/a/rootfs/proc rw - proc proc rw
32 22 0:7 / /run/k8ts-b/rootfs rw - overlay overlay rw
33 22 0:8 / /var/k8ts/with\\040space rw - tmpfs tmpfs rw
`;

suite("mountsBelow", () => {
  test("mountsBelow gives inner mounts first, and none of a folder with a similar name", () => {
    assert.deepEqual(mountsBelow(MOUNTS, ["/run/k8ts", "/var/k8ts"]), [
      "/var/k8ts/with space",
      "/run/k8ts/a/rootfs/proc",
      "/run/k8ts/a/rootfs",
    ]);
  });
});

suite("daemonConfig", () => {
  const options = { rootDir: "/var/n", stateDir: "/run/n", cniConfDir: "/etc/n" };
  test("daemonConfig follows what the machine can do", () => {
    const weak = daemonConfig(options, { hasSysResource: false, hasOverlay: false });
    assert.match(weak, /restrict_oom_score_adj = true/);
    assert.match(weak, /snapshotter = "native"/);
    const strong = daemonConfig(options, { hasSysResource: true, hasOverlay: true });
    assert.match(strong, /restrict_oom_score_adj = false/);
    assert.match(strong, /snapshotter = "overlayfs"/);
  });

  test("daemonConfig keeps everything in the node's own folders", () => {
    const config = daemonConfig(options, { hasSysResource: true, hasOverlay: true });
    assert.match(config, /^version = 2\nroot = "\/var\/n\/containerd"\nstate = "\/run\/n\/containerd"\n/);
    assert.match(config, /\[grpc\]\naddress = "\/run\/n\/containerd.sock"/);
    assert.match(config, /conf_dir = "\/etc\/n"/);
  });

  test("daemonConfig gives shims time: their names are keys with dots", () => {
    const config = daemonConfig(options, { hasSysResource: true, hasOverlay: true });
    assert.match(config, /\n\[timeouts\]\n"io\.containerd\.timeout\.shim\.cleanup" = "60s"\n/);
  });

  test("daemonPaths refuses folders that no socket fits in", () => {
    assert.throws(
      () => daemonPaths({ stateDir: `/${"x".repeat(100)}` }),
      /path of its socket is over 100 bytes/,
    );
  });

  test("daemonCommand enters the node's network by nsenter", () => {
    assert.deepEqual(daemonCommand({ ...options, netns: "/run/netns/n" }).slice(0, 3), [
      "nsenter",
      "--net=/run/netns/n",
      "--",
    ]);
  });
});
