/** A real etcd on free loopback ports in a temporary directory, for tests. @module */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RunningEtcd {
  readonly endpoint: string;
  /** Stops it the hard way and starts it again with its data on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Fails, and says what to install, when there is no etcd. */
export async function startEtcd(): Promise<RunningEtcd> {
  if (spawnSync("etcd", ["--version"]).error !== undefined)
    throw new Error("these tests need etcd: apt-get install -y --no-install-recommends etcd-server");
  const directory = mkdtempSync(join(tmpdir(), "k8ts-etcd-"));
  const [client, peer] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  let running = await run(directory, client, peer);
  const kill = async (): Promise<void> => {
    running.kill("SIGKILL");
    if (running.exitCode === null && running.signalCode === null) await once(running, "exit");
  };
  return {
    endpoint: client,
    async restart() {
      await kill();
      running = await run(directory, client, peer);
    },
    async stop() {
      await kill();
      rmSync(directory, { recursive: true });
    },
  };
}

async function run(directory: string, client: string, peer: string): Promise<ChildProcess> {
  const flags = {
    "data-dir": directory,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
    "experimental-watch-progress-notify-interval": "1s",
    "log-level": "error",
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn("etcd", args, { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}: ${output}`);
    const health = await fetch(`${client}/health`).catch(() => undefined);
    if ((await health?.text())?.includes('"true"') === true) return child;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
