/** The commands about what is in a cluster: service, image, kubectl. @module */
import type { Command } from "commander";
import type { Clock } from "#apimachinery";
import { imageBuild, imageList, imageLoad, imageRemove, kubectl, serviceUrls } from "#launcher";
import { collect, integer, launcherContext, profileOption } from "./cluster-commands.ts";
import type { World } from "./k8ts.ts";

export function addResourceCommands(program: Command, world: World, clock: Clock): void {
  addService(program, world, clock);
  addImage(program, world, clock);
  program
    .command("kubectl")
    .description("run kubectl against the cluster: k8ts kubectl -- get nodes")
    .addOption(profileOption())
    .argument("[args...]")
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (args: string[], flags: { profile: string }) => {
      world.setExitCode(await kubectl(launcherContext(world, clock), flags.profile, args, world.signal));
    });
}

interface ServiceFlags {
  readonly profile: string;
  readonly namespace: string;
  readonly https: boolean;
  readonly wait: number;
}

function addService(program: Command, world: World, clock: Clock): void {
  program
    .command("service <name>")
    .description("print the address at which a service answers from this machine")
    .addOption(profileOption())
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .option("--url", "print the address alone (always so; kept for those who type it)")
    .option("--https", "print https:// addresses", false)
    .option("--wait <seconds>", "how long to wait for a ready pod", integer, 60)
    .action(async (name: string, flags: ServiceFlags) => {
      const options = { namespace: flags.namespace, https: flags.https, waitMs: flags.wait * 1000 };
      const urls = await serviceUrls(
        launcherContext(world, clock),
        flags.profile,
        name,
        options,
        world.signal,
      );
      world.stdout.write(urls.map((url) => `${url}\n`).join(""));
    });
}

interface BuildFlags {
  readonly profile: string;
  readonly tag: string;
  readonly file?: string;
  readonly buildArg?: readonly string[];
}

function addImage(program: Command, world: World, clock: Clock): void {
  const image = program.command("image").description("the images on the cluster's nodes");
  const context = launcherContext(world, clock);
  image
    .command("build <folder>")
    .description("build a folder with a Dockerfile and load it onto every node")
    .addOption(profileOption())
    .requiredOption("-t, --tag <name>", "name of the image")
    .option("-f, --file <path>", "the Dockerfile, if it is not FOLDER/Dockerfile")
    .option("--build-arg <name=value>", "value of an ARG; may be repeated", collect)
    .action((folder: string, flags: BuildFlags) =>
      imageBuild(context, flags.profile, folder, { ...flags, buildArg: flags.buildArg ?? [] }, world.signal),
    );
  image
    .command("load <file>")
    .description("load an image archive (docker save, OCI layout) onto every node")
    .addOption(profileOption())
    .action((file: string, flags: { profile: string }) =>
      imageLoad(context, flags.profile, file, world.signal),
    );
  image
    .command("ls")
    .alias("list")
    .description("show the images and their sizes")
    .addOption(profileOption())
    .action(async (flags: { profile: string }) => {
      world.stdout.write(await imageList(context, flags.profile, world.signal));
    });
  image
    .command("rm <name>")
    .description("remove an image from every node")
    .addOption(profileOption())
    .action((name: string, flags: { profile: string }) =>
      imageRemove(context, flags.profile, name, world.signal),
    );
}
