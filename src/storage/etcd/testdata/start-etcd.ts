/** A real etcd on free loopback ports in a temporary directory, for tests. @module */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RunningEtcd {
  readonly endpoint: string;
  /** Stops it the hard way and starts it again with its data on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** PEM: what the server shows, and who must have signed its clients. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
}

/** Fails, and says what to install, when there is no etcd. */
export async function startEtcd(tls?: ServerTls): Promise<RunningEtcd> {
  if (spawnSync("etcd", ["--version"]).error !== undefined)
    throw new Error("these tests need etcd: apt-get install -y --no-install-recommends etcd-server");
  const directory = mkdtempSync(join(tmpdir(), "k8ts-etcd-"));
  const scheme = tls === undefined ? "http" : "https";
  const [clientPort, peerPort, healthPort] = await freePorts(3);
  const client = `${scheme}://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const health = `http://127.0.0.1:${healthPort}`;
  const flags = { ...flagsFor(directory, client, peer, health), ...(tls && tlsFlags(directory, tls)) };
  let running = await run(flags, health);
  const kill = async (): Promise<void> => {
    running.kill("SIGKILL");
    if (running.exitCode === null && running.signalCode === null) await once(running, "exit");
  };
  return {
    endpoint: client,
    async restart() {
      await kill();
      running = await run(flags, health);
    },
    async stop() {
      await kill();
      rmSync(directory, { recursive: true });
    },
  };
}

function flagsFor(directory: string, client: string, peer: string, health: string): Record<string, string> {
  return {
    "data-dir": join(directory, "data"),
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
    "listen-metrics-urls": health,
    "experimental-watch-progress-notify-interval": "1s",
    "log-level": "error",
  };
}

function tlsFlags(directory: string, { cert, key, clientCa }: ServerTls): Record<string, string> {
  const files = { "cert-file": cert, "key-file": key, "trusted-ca-file": clientCa };
  const flags = Object.entries(files).map(([flag, pem]) => {
    const path = join(directory, `${flag}.pem`);
    writeFileSync(path, pem, { mode: 0o600 });
    return [flag, path] as const;
  });
  return { ...Object.fromEntries(flags), "client-cert-auth": "true" };
}

async function run(flags: Readonly<Record<string, string>>, health: string): Promise<ChildProcess> {
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn("etcd", args, { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}: ${output}`);
    const answer = await fetch(`${health}/health`).catch(() => undefined);
    if ((await answer?.text())?.includes('"true"') === true) return child;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** All are held until each is known: none is given twice. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
