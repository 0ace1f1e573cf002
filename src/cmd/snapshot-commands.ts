/** `k8ts snapshot save|restore|status`. @module */
import type { Command } from "commander";
import type { Clock } from "#apimachinery";
import { snapshotRestore, snapshotSave, snapshotStatus } from "#launcher";
import { launcherContext, profileOption } from "./cluster-commands.ts";
import type { World } from "./k8ts.ts";

export function addSnapshotCommands(program: Command, world: World, clock: Clock): void {
  const snapshot = program
    .command("snapshot")
    .description("save what a cluster has stored, and bring it back");
  snapshot
    .command("save <file>")
    .description("write a consistent copy, also while the cluster runs")
    .addOption(profileOption())
    .action(async (file: string, flags: { profile: string }) => {
      const context = launcherContext(world, clock);
      const { entries, revision } = await snapshotSave(context, flags.profile, file);
      context.progress.info(`${file} has ${entries} entries of revision ${revision}`);
    });
  snapshot
    .command("restore <file>")
    .description("replace what a stopped cluster has stored; what it had is kept beside")
    .addOption(profileOption())
    .action(async (file: string, flags: { profile: string }) => {
      const context = launcherContext(world, clock);
      const kept = await snapshotRestore(context, flags.profile, file);
      if (kept !== undefined) context.progress.info(`What was stored before is in ${kept}`);
    });
  snapshot
    .command("status <file>")
    .description("verify a copy and show what it is of")
    .action(async (file: string) => {
      world.stdout.write(`${JSON.stringify(await snapshotStatus(file), undefined, 2)}\n`);
    });
}
