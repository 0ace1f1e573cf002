/** One folder made of a ConfigMap, a Secret, the pod's own facts and a token. */
import assert from "node:assert/strict";
import { conformance } from "../harness/index.ts";
import { CONFIG_MAP, SECRET } from "./keyed-sources.ts";
import { look, statOf } from "./volume-pods.ts";

conformance(
  "[sig-storage] Projected combined should project all components that make up the projection API [Projection] [NodeConformance]",
  { containers: true },
  async (t) => {
    await CONFIG_MAP.create(t, "o", { config: "from a config map", other: "x" });
    await SECRET.create(t, "o", { password: "from a secret" });
    const sources = [
      { configMap: { name: "o", items: [{ key: "config", path: "a/config" }] } },
      { secret: { name: "o", items: [{ key: "password", path: "a/password", mode: 0o400 }] } },
      { downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
      { serviceAccountToken: { path: "token", expirationSeconds: 3_600 } },
    ];
    const shown = await look(t, "combined", {
      volumes: [{ name: "v", projected: { sources, defaultMode: 0o444 } }],
      script: [
        "cd /v; ls -1 . a",
        "cat a/config; echo; cat a/password; echo; cat name; echo",
        ...["a/config", "a/password", "name"].map(statOf),
        "cut -d. -f1 token | tr -d '\\n' | wc -c",
      ].join("\n"),
    });
    const lines = shown.trimEnd().split("\n");
    assert.ok(Number(lines.pop()) > 0, "a token with a head");
    const names = [".:", "a", "name", "token", "", "a:", "config", "password"];
    const contents = ["from a config map", "from a secret", "combined"];
    assert.deepEqual(lines, [...names, ...contents, "444 0 0", "400 0 0", "444 0 0"]);
  },
);
