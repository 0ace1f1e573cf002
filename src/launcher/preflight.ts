/** Checks before anything is made, each with a stable id; installs the Debian packages that are missing. @module */
import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import type { Driver } from "./drivers/index.ts";
import { familiesOf } from "./ip-family.ts";
import type { LauncherEnv } from "./paths.ts";
import type { Profile } from "./profile.ts";
import { runCommand, tryCommand } from "#component-base";
import type { KernelTools } from "#network/kernel";
import { EXIT, UserError, explain } from "./user-error.ts";

/** Less than this and image layers or the store would soon fail. */
const DISK_FREE_MIN_BYTES = 500 * 1024 * 1024;
/** containerd, kubelet and the API server need a few hundred; each watched file of `kubectl logs -f` one more. */
const INOTIFY_INSTANCES_MIN = 64;

export function checkPrivileges(driver: Driver, env: LauncherEnv): void {
  if (!driver.isReal || env.isRoot) return;
  throw new UserError(`the ${driver.name} driver needs root: it makes namespaces, mounts and containers`, {
    id: "ROOT_REQUIRED",
    exitCode: EXIT.noPermission,
    fix: "sudo k8ts start, or k8ts start --driver=simulated",
  });
}

export function checkHome(env: LauncherEnv): void {
  try {
    accessSync(existingPart(env.home), constants.W_OK | constants.X_OK);
  } catch (err) {
    throw new UserError(`cannot write to ${env.home}`, {
      id: "HOME_NOT_WRITABLE",
      exitCode: EXIT.cannotCreate,
      fix: "set K8TS_HOME to a folder you may write to",
      cause: err,
    });
  }
}

export function checkDisk(env: LauncherEnv): void {
  const { bavail, bsize } = statfsSync(existingPart(env.home));
  if (bavail * bsize >= DISK_FREE_MIN_BYTES) return;
  throw new UserError(
    `${env.home} has ${Math.floor((bavail * bsize) / 1_048_576)} MiB free, 500 MiB are needed`,
    {
      id: "DISK_FULL",
      exitCode: EXIT.io,
      fix: "free some space, or set K8TS_HOME to a folder on another disk",
    },
  );
}

/** The folder itself, or the nearest one above that is there: a check makes nothing. */
function existingPart(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingPart(dirname(path));
}

export async function checkInotify(): Promise<void> {
  const text = await readFile("/proc/sys/fs/inotify/max_user_instances", "utf8").catch(() => undefined);
  if (text === undefined || Number(text) >= INOTIFY_INSTANCES_MIN) return;
  throw new UserError(
    `fs.inotify.max_user_instances is ${text.trim()}, ${INOTIFY_INSTANCES_MIN} are needed`,
    {
      id: "INOTIFY_LIMIT",
      exitCode: EXIT.config,
      fix: "sysctl -w fs.inotify.max_user_instances=512",
    },
  );
}

/** `switchFile`: where the kernel says whether new interfaces have IPv6; absent in kernels that know none. */
export async function checkIPv6(
  { podCIDR }: Pick<Profile, "podCIDR">,
  switchFile = "/proc/sys/net/ipv6/conf/default/disable_ipv6",
): Promise<void> {
  if (!familiesOf(podCIDR).includes("IPv6")) return;
  const text = await readFile(switchFile, "utf8").catch(() => undefined);
  if (text?.trim() === "0") return;
  throw new UserError(`IPv6 is ${text === undefined ? "not in this machine's kernel" : "switched off"}`, {
    id: "IPV6_MISSING",
    exitCode: EXIT.config,
    fix:
      text === undefined ? "k8ts start --ip-family=ipv4" : "sysctl -w net.ipv6.conf.default.disable_ipv6=0",
  });
}

/** Loads modules that nobody has loaded yet. What is only worse without is noted. */
export async function checkKernel(
  note: (text: string) => void,
  signal: AbortSignal,
  tools?: KernelTools,
): Promise<void> {
  const { lackOf, missingInKernel, remedyOf, systemKernelTools } = await import("#network/kernel");
  const missing = await missingInKernel(tools ?? systemKernelTools, signal).catch((cause: unknown) => {
    throw new UserError(explain(cause), {
      id: "NAMESPACES_MISSING",
      exitCode: EXIT.config,
      fix: "start it outside of a container, or k8ts start --driver=simulated",
      cause,
    });
  });
  const needed = missing.find(({ without }) => without === undefined);
  if (needed === undefined) return missing.forEach((need) => note(`${lackOf(need)} (${remedyOf(need)})`));
  throw new UserError(lackOf(needed), {
    id: "KERNEL_LACKS",
    exitCode: EXIT.config,
    fix: remedyOf(needed),
  });
}

/** A port that something else holds is the commonest reason for a server that never answers. */
export async function checkPort(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen({ host, port }, () => probe.close(() => resolve()));
  }).catch((err: NodeJS.ErrnoException) => {
    throw new UserError(`port ${port} of ${host} cannot be used by the API server`, {
      id: err.code === "EADDRINUSE" ? "PORT_IN_USE" : "PORT_UNUSABLE",
      exitCode: EXIT.unavailable,
      fix: `k8ts start --apiserver-port=${port + 1}, or stop what listens there (ss -ltnp 'sport = :${port}')`,
      cause: err,
    });
  });
}

/** A port nobody listens on and that is not `taken`, the wanted one if possible. */
export async function freePort(host: string, wanted: number, taken: readonly number[] = []): Promise<number> {
  const listenOn = (port: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const probe = createServer();
      probe.once("error", reject);
      probe.listen({ host, port }, () => {
        const address = probe.address();
        probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
      });
    });
  let port = await listenOn(taken.includes(wanted) ? 0 : wanted).catch(() => listenOn(0));
  while (taken.includes(port)) port = await listenOn(0);
  return port;
}

export function missingPackages(driver: Pick<Driver, "packages">, path: string): readonly string[] {
  const isPresent = (program: string): boolean =>
    program.startsWith("/")
      ? existsSync(program)
      : path.split(":").some((dir) => existsSync(join(dir, program)));
  const missing = Object.entries(driver.packages).filter(([program]) => !isPresent(program));
  return [...new Set(missing.map(([, debianPackage]) => debianPackage))];
}

/** Installs with apt-get where there is one; elsewhere says what to install. */
export async function installPackages(
  packages: readonly string[],
  env: LauncherEnv,
  signal: AbortSignal,
): Promise<void> {
  const command = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  const fail = (why: string, cause?: unknown): UserError =>
    new UserError(`missing on this machine: ${packages.join(", ")}; ${why}`, {
      id: "PACKAGE_MISSING",
      exitCode: EXIT.unavailable,
      fix: command,
      cause,
    });
  const hasApt = env.path.split(":").some((dir) => existsSync(join(dir, "apt-get")));
  if (!hasApt) throw fail("they cannot be installed here, because apt-get is missing");
  const options = { env: { PATH: env.path, DEBIAN_FRONTEND: "noninteractive" } };
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...packages] as [
    string,
    ...string[],
  ];
  if ((await tryCommand(install, options, signal)).code === 0) return;
  try {
    await runCommand(["apt-get", "update", "-q"], options, signal);
    await runCommand(install, options, signal);
  } catch (err) {
    throw fail(`installing them failed (${explain(err)})`, err);
  }
}
