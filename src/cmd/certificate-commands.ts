/** The commands about who may join a cluster and how long its certificates last: token, certs. @module */
import { Argument, InvalidArgumentError, type Command } from "commander";
import type { Clock } from "#apimachinery";
import {
  certsCheck,
  certsRenew,
  certsRotateCa,
  renderCertificates,
  renderTokens,
  tokenCreate,
  tokenDelete,
  tokenList,
  type RotationStep,
} from "#launcher";
import { launcherContext, outputOption, profileOption } from "./cluster-commands.ts";
import type { World } from "./k8ts.ts";

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000 };
const DAY_MS = 86_400_000;

export function addCertificateCommands(program: Command, world: World, clock: Clock): void {
  addTokens(program, world, clock);
  addCerts(program, world, clock);
}

interface CreateFlags {
  readonly profile: string;
  readonly ttl: number;
  readonly description?: string;
  readonly usages: readonly string[];
  readonly groups: readonly string[];
  readonly printJoinCommand: boolean;
}

function addTokens(program: Command, world: World, clock: Clock): void {
  const token = program.command("token").description("bootstrap tokens, with which machines join a cluster");
  const context = launcherContext(world, clock);
  token
    .command("create [token]")
    .description("make a token; 24 hours unless told otherwise")
    .addOption(profileOption())
    .option("--ttl <duration>", "how long it lasts: 24h0m0s; 0 for ever", duration, DAY_MS)
    .option("--description <text>", "for people")
    .option("--usages <names>", "what it is good for", list, ["signing", "authentication"])
    .option("--groups <names>", "groups of who has it", list, [
      "system:bootstrappers:kubeadm:default-node-token",
    ])
    .option("--print-join-command", "print the whole command that joins a machine", false)
    .action(async (given: string | undefined, flags: CreateFlags) => {
      const { profile, ttl: ttlMs, ...rest } = flags;
      const options = { ...rest, ttlMs, ...(given !== undefined && { token: given }) };
      world.stdout.write(`${await tokenCreate(context, profile, options, world.signal)}\n`);
    });
  token
    .command("list")
    .description("show the tokens")
    .addOption(profileOption())
    .action(async (flags: { profile: string }) => {
      world.stdout.write(renderTokens(await tokenList(context, flags.profile, world.signal)));
    });
  token
    .command("delete <token...>")
    .description("remove tokens: whole ones, or their first six characters")
    .addOption(profileOption())
    .action((tokens: readonly string[], flags: { profile: string }) =>
      tokenDelete(context, flags.profile, tokens, world.signal),
    );
}

function addCerts(program: Command, world: World, clock: Clock): void {
  const certs = program.command("certs").description("the certificates of a cluster's own components");
  const context = launcherContext(world, clock);
  certs
    .command("check")
    .description("show them all, and how long they last")
    .addOption(profileOption())
    .addOption(outputOption())
    .action(async (flags: { profile: string; output: string }) => {
      const rows = await certsCheck(context, flags.profile);
      world.stdout.write(flags.output === "json" ? `${JSON.stringify(rows)}\n` : renderCertificates(rows));
    });
  certs
    .command("renew [name]")
    .description("renew one of them, or all; what runs takes them up within a minute")
    .addOption(profileOption())
    .action(async (name: string | undefined, flags: { profile: string }) => {
      await certsRenew(context, flags.profile, name ?? "all", world.signal);
    });
  addRotation(certs, context, world);
}

function addRotation(certs: Command, context: ReturnType<typeof launcherContext>, world: World): void {
  const steps: readonly RotationStep[] = ["add", "use", "drop"];
  certs
    .command("rotate-ca")
    .description("give the cluster another authority while it runs: add a new one, use it, drop the old one")
    .addArgument(
      new Argument("<step>", "wait between the steps until pods and people have the new bundle").choices(
        steps,
      ),
    )
    .addOption(profileOption())
    .action(async (step: RotationStep, flags: { profile: string }) => {
      await certsRotateCa(context, flags.profile, step, world.signal);
    });
}

/** Go's durations, in hours, minutes and seconds. */
function duration(text: string): number {
  if (text === "0") return 0;
  const parts = [...text.matchAll(/(\d+)([hms])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text)
    throw new InvalidArgumentError("a duration like 24h0m0s is needed");
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit!]!, 0);
}

function list(text: string): readonly string[] {
  return text.split(",").filter((part) => part !== "");
}
