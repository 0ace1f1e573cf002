/** `k8ts version`: this program's version and the Kubernetes it speaks. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Option, type Command } from "commander";
import type { World } from "./k8ts.ts";

export function addVersion(program: Command, world: World): void {
  program
    .command("version")
    .description("show the version of k8ts and of Kubernetes")
    .addOption(new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text"))
    .action(async (flags: { output: string }) => {
      const manifest = JSON.parse(await readFile(join(world.env.installDir, "package.json"), "utf8")) as {
        readonly version: string;
      };
      const { KUBERNETES_VERSION } = await import("#component-base");
      const versions = { k8tsVersion: `v${manifest.version}`, kubernetesVersion: KUBERNETES_VERSION };
      world.stdout.write(
        flags.output === "json"
          ? `${JSON.stringify(versions)}\n`
          : `k8ts version: ${versions.k8tsVersion}\nKubernetes: ${versions.kubernetesVersion}\n`,
      );
    });
}
