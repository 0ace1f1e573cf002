/** The multi-call command: reads argv and the environment, installs signal handlers, sets the exit code. @module */
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { systemClock } from "#apimachinery";
import { UserError, explain, type LauncherEnv } from "#launcher";
import { addCertificateCommands } from "./certificate-commands.ts";
import { addClusterCommands } from "./cluster-commands.ts";
import { addComponentCommands } from "./component-commands.ts";
import { outliveLostOutput } from "./lost-output.ts";
import { addResourceCommands } from "./resource-commands.ts";
import { addSnapshotCommands } from "./snapshot-commands.ts";
import { asTyped, typedName } from "./typed-name.ts";
import { addVersion } from "./version-command.ts";

/** What every command's code is given from outside. */
export interface World {
  readonly env: LauncherEnv;
  readonly signal: AbortSignal;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Sets the exit code without ending the process. */
  readonly setExitCode: (code: number) => void;
  /** How the user called this program: `./k8ts`, or `k8ts` where it is on PATH. */
  readonly typedName: string;
}

const USAGE_EXIT = 64;
const INTERRUPTED_EXIT = 130;

function readEnvironment(): LauncherEnv {
  const { K8TS_HOME, KUBECONFIG, PATH, HOME } = process.env;
  const home = HOME ?? homedir();
  return {
    home: K8TS_HOME ?? join(home, ".k8ts"),
    kubeconfig: KUBECONFIG?.split(":").find((file) => file !== "") ?? join(home, ".kube/config"),
    isRoot: process.geteuid?.() === 0,
    installDir: dirname(dirname(import.meta.dirname)),
    path: PATH ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  };
}

/** The first signal asks everything to end; the second one does not wait. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED_EXIT);
      controller.abort(new Error(`interrupted by ${name}`));
    });
  }
  return controller.signal;
}

function report(err: unknown, world: World): number {
  if (err instanceof CommanderError) return err.exitCode === 0 ? 0 : USAGE_EXIT;
  if (err instanceof UserError) {
    world.stderr.write(`k8ts: ${explain(err)} [${err.id}]\n`);
    if (err.fix !== undefined) world.stderr.write(`  try: ${asTyped(err.fix, world.typedName)}\n`);
    return err.exitCode;
  }
  if (world.signal.aborted) return INTERRUPTED_EXIT;
  world.stderr.write(`k8ts: ${explain(err)}\n`);
  if (process.env["K8TS_DEBUG"] !== undefined && err instanceof Error) world.stderr.write(`${err.stack}\n`);
  return 1;
}

function newProgram(world: World): Command {
  const program = new Command("k8ts")
    .description("Kubernetes in TypeScript: clusters on this machine, and the components they are made of")
    // before the command's name too, as minikube takes it
    .addOption(new Option("-p, --profile <name>", "the cluster meant, for every command"))
    .on("option:profile", (name: string) => (process.env["K8TS_PROFILE"] = name))
    .enablePositionalOptions()
    .showHelpAfterError("(--help shows the commands and flags)")
    .exitOverride();
  addClusterCommands(program, world, systemClock);
  addResourceCommands(program, world, systemClock);
  addCertificateCommands(program, world, systemClock);
  addSnapshotCommands(program, world, systemClock);
  addComponentCommands(program, world, systemClock);
  addVersion(program, world);
  return program;
}

async function main(): Promise<void> {
  outliveLostOutput([process.stdout, process.stderr]);
  const world: World = {
    env: readEnvironment(),
    signal: abortOnSignals(),
    stdout: process.stdout,
    stderr: process.stderr,
    setExitCode: (code) => (process.exitCode = code),
    typedName: typedName(process.env["K8TS_COMMAND"], process.env["PATH"] ?? ""),
  };
  try {
    await newProgram(world).parseAsync(process.argv);
  } catch (err) {
    // what failed may have left something open that would keep the process alive, and its supervisor waiting
    process.exit(report(err, world));
  }
}

await main();
