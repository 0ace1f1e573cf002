/** The commands about whole clusters: start, stop, delete, status, profile, ip, node, logs. @module */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InvalidArgumentError, Option, type Command } from "commander";
import type { Clock } from "#apimachinery";
import {
  addNode,
  deleteCluster,
  deleteNode,
  jsonProgress,
  logs,
  profileRows,
  renderProfiles,
  renderStatus,
  renderTable,
  requireProfile,
  start,
  startOneNode,
  status,
  statusExitCode,
  stop,
  stopOneNode,
  textProgress,
  type LauncherContext,
} from "#launcher";
import { addAddressFlags, rangesOfFlags, type AddressFlags } from "./address-flags.ts";
import { extraConfigOf } from "./extra-config.ts";
import type { World } from "./k8ts.ts";

const WAIT_TIMEOUT_SECONDS = 120;
const PORT_MAX = 65_535;

export function launcherContext(world: World, clock: Clock, output = "text"): LauncherContext {
  const progressTo = { write: (text: string) => void world.stderr.write(text), isTTY: world.stderr.isTTY };
  const events = { write: (text: string) => void world.stdout.write(text), isTTY: false };
  return {
    env: world.env,
    clock,
    progress: output === "json" ? jsonProgress(events, clock) : textProgress(progressTo, clock),
    print: (text) => void world.stdout.write(text),
  };
}

export function profileOption(): Option {
  return new Option("-p, --profile <name>", "the cluster meant").default("k8ts").env("K8TS_PROFILE");
}

export function addClusterCommands(program: Command, world: World, clock: Clock): void {
  addStart(program, world, clock);
  addStopDelete(program, world, clock);
  addStatus(program, world, clock);
  addNodeCommands(program, world, clock);
}

interface StartFlags extends AddressFlags {
  readonly profile: string;
  readonly driver: "netns" | "host" | "simulated";
  readonly nodes: number;
  readonly apiserverPort: number;
  readonly dnsDomain: string;
  readonly cni: string;
  readonly insecureRegistry?: readonly string[];
  readonly extraConfig?: readonly string[];
  readonly wait: "none" | "nodes" | "all";
  readonly waitTimeout: number;
  readonly output: "text" | "json";
}

function addStart(program: Command, world: World, clock: Clock): void {
  const command: Command = program
    .command("start")
    .description("start a cluster: make it, or bring it back with its data")
    .addOption(profileOption())
    .addOption(
      new Option("--driver <name>", "what nodes are: network namespaces, this machine, or nothing at all")
        .choices(["netns", "host", "simulated"])
        .default("netns"),
    )
    .option("-n, --nodes <count>", "number of nodes", integer, 1)
    .option("--apiserver-port <port>", "port of the API server", port, 6443)
    .option("--dns-domain <name>", "domain of the cluster's DNS", "cluster.local")
    .option(
      "--cni <network>",
      "the network of pods: k8ts; none, to bring your own to each node; or a file with a CNI configuration list",
      "k8ts",
    )
    .option(
      "--insecure-registry <host:port>",
      "a registry that speaks plain HTTP (https://HOST: without a trusted certificate); may be repeated",
      collect,
    )
    .option(
      "--extra-config <component.flag=value>",
      "a flag of the apiserver, controller-manager, scheduler, kubelet or proxy; may be repeated",
      collect,
    )
    .addOption(
      new Option("--wait <what>", "what to wait for: the API server, the nodes, or the system pods too")
        .choices(["none", "nodes", "all"])
        .default("nodes"),
    )
    .option("--wait-timeout <seconds>", "how long each wait may take", integer, WAIT_TIMEOUT_SECONDS)
    .addOption(
      new Option("-o, --output <format>", "progress for people or for programs")
        .choices(["text", "json"])
        .default("text"),
    )
    .action(async (flags: StartFlags) => {
      const options = {
        ...flags,
        apiServerPort: flags.apiserverPort,
        ...rangesOfFlags(flags),
        insecureRegistries: flags.insecureRegistry ?? [],
        extraConfig: extraConfigOf(program, flags.extraConfig ?? []),
        waitTimeoutMs: flags.waitTimeout * 1000,
        isExplicit: (flag: string) => command.getOptionValueSource(camel(flag)) === "cli",
      };
      const context = launcherContext(world, clock, flags.output);
      const began = clock.monotonicMs();
      const profile = await start(context, options, world.signal);
      const seconds = ((clock.monotonicMs() - began) / 1000).toFixed(1);
      const kubectl = hasProgram(world.env.path, "kubectl") ? "kubectl" : `${world.typedName} kubectl --`;
      context.progress.info(
        `The cluster "${profile.name}" is ready after ${seconds} s; try: ${kubectl} get nodes`,
      );
    });
  addAddressFlags(command);
}

function addStopDelete(program: Command, world: World, clock: Clock): void {
  program
    .command("stop")
    .description("stop a cluster and keep its data")
    .addOption(profileOption())
    .action((flags: { profile: string }) => stop(launcherContext(world, clock), flags.profile, world.signal));
  program
    .command("delete")
    .description("remove a cluster without trace")
    .addOption(profileOption())
    .action((flags: { profile: string }) =>
      deleteCluster(launcherContext(world, clock), flags.profile, world.signal),
    );
}

function addStatus(program: Command, world: World, clock: Clock): void {
  program
    .command("status")
    .description("show what of a cluster runs; the exit code says it too")
    .addOption(profileOption())
    .addOption(outputOption())
    .action(async (flags: { profile: string; output: string }) => {
      const nodes = await status(launcherContext(world, clock), flags.profile, world.signal);
      const value = nodes.length === 1 ? nodes[0] : nodes;
      world.stdout.write(flags.output === "json" ? `${JSON.stringify(value)}\n` : renderStatus(nodes));
      world.setExitCode(statusExitCode(nodes));
    });
  program
    .command("profile")
    .description("the clusters of this machine")
    .command("list")
    .description("show every cluster, whether it runs, and where")
    .addOption(outputOption())
    .action(async (flags: { output: string }) => {
      const rows = await profileRows(launcherContext(world, clock));
      world.stdout.write(
        flags.output === "json" ? `${JSON.stringify({ valid: rows })}\n` : renderProfiles(rows),
      );
    });
  program
    .command("ip")
    .description("the address of the cluster's first node")
    .addOption(profileOption())
    .action(async (flags: { profile: string }) => {
      const profile = await requireProfile(world.env, flags.profile);
      world.stdout.write(`${profile.nodes[0]!.ip}\n`);
    });
  program
    .command("logs")
    .description("what the cluster's own processes wrote")
    .addOption(profileOption())
    .option("-n, --length <lines>", "lines of each process", integer, 60)
    .option("--problems", "only warnings and errors", false)
    .option("--raw", "the lines as they were written", false)
    .action(async (flags: { profile: string; length: number; problems: boolean; raw: boolean }) => {
      const options = { lines: flags.length, problems: flags.problems, raw: flags.raw };
      world.stdout.write(await logs(launcherContext(world, clock), flags.profile, options));
    });
}

function addNodeCommands(program: Command, world: World, clock: Clock): void {
  const node = program.command("node").description("the nodes of a cluster");
  const context = launcherContext(world, clock);
  node
    .command("add")
    .description("add a worker to a living cluster")
    .addOption(profileOption())
    .option("--wait-timeout <seconds>", "how long to wait for Ready", integer, WAIT_TIMEOUT_SECONDS)
    .action(async (flags: { profile: string; waitTimeout: number }) => {
      await addNode(context, flags.profile, flags.waitTimeout * 1000, world.signal);
    });
  node
    .command("list")
    .description("show the nodes, their addresses and roles")
    .addOption(profileOption())
    .action(async (flags: { profile: string }) => {
      const { nodes } = await requireProfile(world.env, flags.profile);
      const rows = nodes.map(({ name, ip, role }) => [name, ip, role]);
      world.stdout.write(renderTable(["NAME", "IP", "ROLE"], rows));
    });
  node
    .command("delete <name>")
    .description("remove a worker, its containers and its Node object")
    .addOption(profileOption())
    .action((name: string, flags: { profile: string }) =>
      deleteNode(context, flags.profile, name, world.signal),
    );
  node
    .command("start <name>")
    .description("start a node that was stopped")
    .addOption(profileOption())
    .option("--wait-timeout <seconds>", "how long to wait for Ready", integer, WAIT_TIMEOUT_SECONDS)
    .action((name: string, flags: { profile: string; waitTimeout: number }) =>
      startOneNode(context, flags.profile, name, flags.waitTimeout * 1000, world.signal),
    );
  node
    .command("stop <name>")
    .description("stop a node and its containers; the cluster notices after 40 s")
    .addOption(profileOption())
    .action((name: string, flags: { profile: string }) =>
      stopOneNode(context, flags.profile, name, world.signal),
    );
}

export function outputOption(): Option {
  return new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text");
}

export function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a whole number is needed");
  return Number(text);
}

function port(text: string): number {
  const number = integer(text);
  if (number < 1 || number > PORT_MAX)
    throw new InvalidArgumentError(`a port from 1 to ${PORT_MAX} is needed`);
  return number;
}

function hasProgram(path: string, name: string): boolean {
  return path.split(":").some((dir) => dir !== "" && existsSync(join(dir, name)));
}

export function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}

function camel(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
