import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isShared } from "./shared-root.ts";

const line = (point: string, optional: string): string =>
  `36 35 98:0 / ${point} rw,noatime ${optional}- ext4 /dev/root rw,errors=continue`;

const SHARED = "shared:1 ";
const SLAVE = "master:7 ";

suite("isShared()", () => {
  const cases: readonly (readonly [what: string, mounts: readonly string[], path: string, want: boolean])[] =
    [
      ["is false below a private root", [line("/", "")], "/var/lib/kubelet", false],
      ["is true below a shared root", [line("/", SHARED)], "/var/lib/kubelet", true],
      ["takes a mount that only receives for private", [line("/", SLAVE)], "/var/lib/kubelet", false],
      [
        "goes by the innermost mount",
        [line("/var", SHARED), line("/", ""), line("/var/lib", "")],
        "/var/lib/kubelet",
        false,
      ],
      ["goes by the mount at the path itself", [line("/", ""), line("/k", SHARED)], "/k", true],
      ["goes by the topmost of several", [line("/k", ""), line("/k", SHARED)], "/k", true],
      ["knows folders from others of a longer name", [line("/", ""), line("/k", SHARED)], "/kubelet", false],
      ["reads octal escapes", [line("/", ""), line("/a\\040b", `${SHARED}${SLAVE}`)], "/a b/kubelet", true],
    ];
  for (const [what, mounts, path, want] of cases)
    test(`isShared() ${what}`, () => assert.equal(isShared(`${mounts.join("\n")}\n`, path), want));
});
