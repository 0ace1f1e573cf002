/** `k8ts server` as a process with the flags of a test, and ways to ask it as anybody. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#apimachinery";
import {
  createCertificateAuthority,
  generateServiceAccountKey,
  issueCertificate,
  writeFileAtomically,
  writeKeyPair,
  type CertificateAuthority,
  type KeyPairPem,
} from "#component-base/pki";

const ROOT = join(import.meta.dirname, "../..");
const START_TIMEOUT_MS = 120_000;
/** How long an answer may take to fit. */
const PATIENCE_MS = 60_000;
const OUTPUT_MAX = 200_000;
const FREE_PORTS = { min: 20_000, max: 30_000 };
const given = new Set<number>();

export interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly token?: string;
  readonly certificate?: KeyPairPem;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: that of the API. */
  readonly port?: number;
}

export interface Answered<T = { readonly message?: string }> {
  readonly code: number;
  readonly text: string;
  readonly json: T;
  /** Fingerprint of the certificate that was shown. */
  readonly shown: string;
}

/** Certificates and data of a server, which outlive its processes. */
export class ServerHome implements AsyncDisposable {
  readonly dir: string;
  readonly ca: CertificateAuthority;
  readonly admin: KeyPairPem;
  readonly port: number;
  /** Where the server listens. */
  readonly host: string;

  private constructor(
    dir: string,
    ca: CertificateAuthority,
    admin: KeyPairPem,
    port: number,
    host = "127.0.0.1",
  ) {
    this.dir = dir;
    this.ca = ca;
    this.admin = admin;
    this.port = port;
    this.host = host;
  }

  static async make(): Promise<ServerHome> {
    const dir = await mkdtemp(join(tmpdir(), "k8ts-server-"));
    const ca = await createCertificateAuthority("kubernetes", systemClock);
    const admin = await issueCertificate(
      ca,
      { commonName: "admin", organizations: ["system:masters"], usages: ["client"] },
      systemClock,
    );
    const home = new ServerHome(dir, ca, admin, await freePort());
    await home.write("ca", ca);
    await home.issue(ca, "apiserver", "server");
    await home.issue(ca, "apiserver-kubelet-client", "client");
    await writeFile(join(dir, "sa.key"), (await generateServiceAccountKey()).privateKeyPem, { mode: 0o600 });
    return home;
  }

  /** Into the folder of certificates. */
  write(name: string, pair: KeyPairPem): Promise<void> {
    const path = join(this.dir, name);
    return writeKeyPair({ certificate: `${path}.crt`, privateKey: `${path}.key` }, pair);
  }

  async issue(by: CertificateAuthority, name: string, usage: "server" | "client"): Promise<KeyPairPem> {
    const subject = { commonName: name, ipAddresses: ["127.0.0.1", "127.0.0.2"], usages: [usage] };
    const pair = await issueCertificate(by, subject, systemClock);
    await this.write(name, pair);
    return pair;
  }

  /** Its path. A reader sees the old content or the new. */
  async file(name: string, content: unknown): Promise<string> {
    const path = join(this.dir, name);
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await writeFileAtomically(path, text, 0o600);
    return path;
  }

  /** A client certificate. */
  identity(commonName: string, ...organizations: readonly string[]): Promise<KeyPairPem> {
    return issueCertificate(this.ca, { commonName, organizations, usages: ["client"] }, systemClock);
  }

  /** The same certificates for a server at another address of this machine; not to be disposed of. */
  at(host: string): ServerHome {
    return new ServerHome(this.dir, this.ca, this.admin, this.port, host);
  }

  start(...flags: readonly string[]): Promise<ServerProcess> {
    return ServerProcess.start(this, flags);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}

const COMPONENT_PORTS = ["--scheduler-secure-port=", "--controller-manager-secure-port="];

export class ServerProcess implements AsyncDisposable {
  readonly #home: ServerHome;
  readonly #child: ChildProcess;
  #output = "";

  private constructor(home: ServerHome, child: ChildProcess) {
    this.#home = home;
    this.#child = child;
    const keep = (text: string): void => void (this.#output = (this.#output + text).slice(-OUTPUT_MAX));
    child.stdout?.setEncoding("utf8").on("data", keep);
    child.stderr?.setEncoding("utf8").on("data", keep);
  }

  static async start(home: ServerHome, flags: readonly string[]): Promise<ServerProcess> {
    const args = [
      join(ROOT, "src/cmd/k8ts.ts"),
      "server",
      `--data-dir=${join(home.dir, "data")}`,
      `--cert-dir=${home.dir}`,
      `--bind-address=${home.host}`,
      `--secure-port=${home.port}`,
      `--advertise-address=${home.host}`,
      "--controllers=serviceaccount-controller",
      "--scheduler-secure-port=0",
      "--controller-manager-secure-port=0",
      ...flags,
    ];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const server = new ServerProcess(home, child);
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      if (child.exitCode !== null) throw new Error(server.output);
      if (await server.#isReady(args)) return server;
      if (performance.now() > deadline) {
        await server[Symbol.asyncDispose]();
        throw new Error(`the server is not ready: ${server.output}`);
      }
      await systemClock.sleep(100, new AbortController().signal);
    }
  }

  /** The API answers before the components have begun, which have ports of their own. */
  async #isReady(args: readonly string[]): Promise<boolean> {
    const ports = COMPONENT_PORTS.map((flag) =>
      args.findLast((arg) => arg.startsWith(flag))!.slice(flag.length),
    );
    const certificate = this.#home.admin;
    try {
      if ((await this.ask("/readyz", { certificate })).code !== 200) return false;
      for (const port of ports.map(Number).filter((each) => each > 0))
        await this.ask("/healthz", { certificate, port });
      return true;
    } catch {
      return false; // refused as yet; what ends the process is told by its output
    }
  }

  get output(): string {
    return this.#output;
  }

  /** Asks on a connection of its own; whom the server's certificate is of is not looked at. */
  ask<T = { readonly message?: string }>(path: string, asked: Asked = {}): Promise<Answered<T>> {
    const { method = "GET", body, contentType = "application/json", token, certificate, headers } = asked;
    const { port = this.#home.port } = asked;
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
    const options = {
      host: this.#home.host,
      port,
      path,
      method,
      agent: false,
      rejectUnauthorized: false,
      headers: {
        ...(text !== "" && { "content-type": contentType }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(certificate !== undefined && { cert: certificate.certificatePem, key: certificate.privateKeyPem }),
    } as const;
    return new Promise((resolve, reject) => {
      const sent = request(options, (response) => {
        const socket = response.socket as unknown as {
          getPeerCertificate(): { readonly fingerprint256: string };
        };
        const shown = socket.getPeerCertificate().fingerprint256;
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const answer = Buffer.concat(chunks).toString();
          const isJson = response.headers["content-type"]?.includes("json") === true;
          const json = (isJson ? JSON.parse(answer) : {}) as T;
          resolve({ code: response.statusCode ?? 0, text: answer, json, shown });
        });
      });
      sent.once("error", reject);
      sent.end(text);
    });
  }

  /** Asks again until the answer fits. */
  async until<T = { readonly message?: string }>(
    path: string,
    asked: Asked,
    fits: (answer: Answered<T>) => boolean,
  ): Promise<Answered<T>> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.ask<T>(path, asked);
      if (fits(answer)) return answer;
      if (performance.now() > deadline)
        throw new Error(`${path} goes on answering ${answer.code} ${answer.text.slice(0, 500)}`);
      await systemClock.sleep(200, new AbortController().signal);
    }
  }

  /** Of `/metrics`; 0 for what was never counted. */
  async metric(series: string): Promise<number> {
    const { text } = await this.ask("/metrics", { certificate: this.#home.admin });
    const line = text.split("\n").find((other) => other.startsWith(`${series} `));
    return Number(line?.split(" ").at(-1) ?? 0);
  }

  /** It gets no chance to say good-bye. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end("SIGTERM");
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    await exit;
  }
}

/** What it says when it does not start. */
export async function refusalOf(home: ServerHome, ...flags: readonly string[]): Promise<string> {
  try {
    await using server = await home.start(...flags);
    return `it started: ${server.output}`;
  } catch (err) {
    return (err as Error).message.trim().split("\n").at(-1)!;
  }
}

/** Another one each time, below those that the system gives to connections: nobody takes it by chance before it is used. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FREE_PORTS.min, FREE_PORTS.max);
    if (given.has(port)) continue;
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    given.add(port);
    return port;
  }
}
