/** A containerd of one's own for tests and benchmarks: a temporary folder, a network namespace, a test image. @module */
import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { pack } from "tar-stream";
import { silentLogger, systemClock } from "#apimachinery";
import { writeArchive } from "../oci/archive-writer.ts";
import { MEDIA_TYPES, digestOf, imageArchitecture, type BuiltImage } from "../oci/image.ts";
import { PAUSE_IMAGE, pauseArchitecture, pauseImage } from "../pause/image.ts";
import type { Runtime } from "../runtime.ts";
import { cleanupNodeRuntime } from "./cleanup.ts";
import { createContainerdRuntime } from "./containerd-runtime.ts";
import { startContainerd, type ContainerdHandle } from "./daemon.ts";
import type { DaemonOptions } from "./daemon-config.ts";
import { importImage } from "./image-import.ts";
import { requirePrograms } from "./machine.ts";

const run = promisify(execFile);

const BUSYBOX = "/bin/busybox";
const APPLETS = ["sh", "sleep", "true", "echo", "cat", "ps"];
export const TEST_IMAGE = "docker.io/k8ts/conformance:1";

export interface ContainerdFixture {
  readonly runtime: Runtime;
  readonly name: string;
  readonly folder: string;
  readonly options: DaemonOptions;
  readonly environment: { readonly clock: typeof systemClock; readonly logger: typeof silentLogger };
  containerd: ContainerdHandle;
  /** Removes everything; idempotent. */
  stop(): Promise<void>;
}

/** Why this machine cannot run the fixture; false when it can. */
export async function whyNoContainerd(): Promise<string | false> {
  if (process.platform !== "linux") return "containerd needs Linux";
  if (process.getuid?.() !== 0) return "containerd needs root";
  if (pauseArchitecture(process.arch) === undefined) return `no pause image for ${process.arch}`;
  try {
    await requirePrograms();
    await access(BUSYBOX);
    await run("ip", ["-V"]);
    return false;
  } catch (err) {
    const { message } = err as Error;
    return message.includes(BUSYBOX) ? `${BUSYBOX} not found: apt-get install busybox-static` : message;
  }
}

/** Nothing of it reaches the machine's own network: pods sit on a bridge inside its namespace. */
export async function startContainerdFixture(signal: AbortSignal): Promise<ContainerdFixture> {
  const name = `k8ts-cri-${process.pid}`;
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  await run("ip", ["netns", "add", name]);
  await run("ip", ["-n", name, "link", "set", "lo", "up"]);
  const cniConfDir = join(folder, "net.d");
  await mkdir(cniConfDir);
  await writeFile(join(cniConfDir, "10-bridge.conflist"), JSON.stringify(network(folder)));
  const options: DaemonOptions = {
    rootDir: join(folder, "root"),
    stateDir: join(folder, "state"),
    cniConfDir,
    netns: `/run/netns/${name}`,
  };
  const environment = { clock: systemClock, logger: silentLogger };
  const containerd = await startContainerd(options, environment, signal);
  const runtime = createContainerdRuntime({ socketPath: containerd.socketPath, ...environment });
  const load = async (image: BuiltImage, reference: string): Promise<void> => {
    const settings = {
      socketPath: containerd.socketPath,
      runtime,
      clock: systemClock,
      nodeArch: process.arch,
    };
    await importImage(writeArchive(image, [reference]), { ...settings, importId: reference }, signal);
  };
  await load(await pauseImage(pauseArchitecture(process.arch)!), PAUSE_IMAGE);
  await load(await testImage(), TEST_IMAGE);
  let stopping: Promise<void> | undefined;
  const fixture: ContainerdFixture = {
    runtime,
    name,
    folder,
    options,
    environment,
    containerd,
    stop: () => (stopping ??= stopFixture(fixture)),
  };
  return fixture;
}

async function stopFixture({ runtime, name, folder, options, containerd }: ContainerdFixture): Promise<void> {
  const always = new AbortController().signal;
  await runtime.close();
  await containerd.stop(always);
  await cleanupNodeRuntime({ ...options, cgroupParents: [`/${name}`] }, systemClock, always);
  await run("ip", ["netns", "delete", name]);
  await rm(folder, { recursive: true });
}

function network(folder: string): object {
  const ipam = {
    type: "host-local",
    dataDir: join(folder, "ipam"),
    ranges: [[{ subnet: "10.244.0.0/24" }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const bridge = { type: "bridge", bridge: "cni0", isGateway: true, ipam };
  return { cniVersion: "0.4.0", name: "k8ts", plugins: [bridge] };
}

async function testImage(): Promise<BuiltImage> {
  const archive = pack();
  const owner = { mtime: new Date(0), uid: 0, gid: 0 };
  for (const folder of ["bin", "tmp", "proc", "etc"])
    archive.entry({ name: folder, type: "directory", mode: 0o755, ...owner });
  archive.entry({ name: "bin/busybox", mode: 0o755, ...owner }, await readFile(BUSYBOX));
  for (const applet of APPLETS)
    archive.entry({ name: `bin/${applet}`, type: "symlink", linkname: "busybox", ...owner });
  archive.finalize();
  const content = await buffer(archive);
  const diffId = digestOf(content);
  const config = {
    architecture: imageArchitecture(process.arch),
    os: "linux",
    config: { Env: ["PATH=/bin"], Cmd: ["sh"] },
    rootfs: { type: "layers" as const, diff_ids: [diffId] },
  };
  const descriptor = { mediaType: MEDIA_TYPES.layer, digest: diffId, size: content.length };
  return { config, layers: [{ descriptor, diffId, content }] };
}
