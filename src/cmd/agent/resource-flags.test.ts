import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { addResourceFlags, type ResourceFlags } from "./resource-flags.ts";
import { resourceOptions } from "./resource-options.ts";

function parse(...args: readonly string[]): ReturnType<typeof resourceOptions> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addResourceFlags(command);
  command.parse(args, { from: "user" });
  return resourceOptions(command.opts<ResourceFlags>());
}

test("resourceOptions() reads upstream's flags", () => {
  const soft = ["--eviction-soft=memory.available<1Gi", "--eviction-soft-grace-period=memory.available=90s"];
  const options = parse(
    "--eviction-hard=memory.available<100Mi,nodefs.available<10%",
    ...soft,
    "--pod-max-pids=100",
    "--system-reserved=cpu=200m,memory=500Mi",
    "--image-gc-high-threshold=90",
  );
  assert.deepEqual(options, {
    eviction: {
      hard: { "memory.available": "100Mi", "nodefs.available": "10%" },
      soft: { "memory.available": "1Gi" },
      softGracePeriodMs: { "memory.available": 90_000 },
    },
    imageGC: { highThresholdPercent: 90 },
    podPidsLimit: 100,
    systemReserved: { cpu: "200m", memory: "500Mi" },
  });
});

for (const flag of [
  "--eviction-hard=disk<1%",
  "--eviction-hard=memory.available<some",
  "--eviction-hard=nodefs.available<120%",
  "--eviction-soft=memory.available<1Gi",
  "--system-reserved=cpu=much",
]) {
  test(`resourceOptions() refuses ${flag}`, () => {
    assert.throws(() => parse(flag), /signal|needs a|no quantity|<= 100%|grace period/);
  });
}
