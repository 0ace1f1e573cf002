/** A real registry for pulls: Debian's docker-registry, on an address that the cluster's nodes reach, and a push by its HTTP API. */
import { spawn, type ChildProcess } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";
import { buildImage } from "../../src/launcher/image-build/index.ts";
import { eventually } from "./harness.ts";

export const USER = "puller";
export const PASSWORD = "s3cret";
/** bcrypt of PASSWORD: the only kind of hash the registry takes. */
const HTPASSWD = `${USER}:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n`;
const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;

export interface RegistryOptions {
  /** `192.168.49.1:5000`: an address of the cluster's private bridge. */
  readonly address: string;
  /** Whether it asks for USER and PASSWORD. */
  readonly isPrivate?: boolean;
}

export class Registry {
  readonly address: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(address: string, process: ChildProcess, folder: string) {
    this.address = address;
    this.#process = process;
    this.#folder = folder;
  }

  static async start({ address, isPrivate = false }: RegistryOptions): Promise<Registry> {
    const folder = await mkdtemp(join(tmpdir(), "k8ts-e2e-registry-"));
    await writeFile(join(folder, "htpasswd"), HTPASSWD);
    const config = {
      version: 0.1,
      log: { accesslog: { disabled: true }, level: "error" },
      storage: { filesystem: { rootdirectory: join(folder, "data") } },
      http: { addr: address },
      ...(isPrivate && { auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } } }),
    };
    await writeFile(join(folder, "config.yml"), JSON.stringify(config)); // JSON is YAML
    const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], {
      stdio: "ignore",
      env: { PATH: process.env["PATH"], OTEL_TRACES_EXPORTER: "none" },
    });
    const registry = new Registry(address, child, folder);
    try {
      await eventually("the registry answers", async () => (await registry.#ask("GET", "")).ok || undefined);
    } catch (err) {
      await registry.stop();
      throw err;
    }
    return registry;
  }

  /** Builds a folder as `k8ts image build` does and pushes it; resolves with the reference to pull. */
  async push(
    folder: string,
    name: string,
    buildArgs: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const [repository, tag] = name.split(":") as [string, string];
    const output = join(this.#folder, "image.tar");
    const options = { context: folder, tags: [name], output, buildArgs, nodeArch: process.arch };
    await buildImage(options, AbortSignal.timeout(30_000));
    const files = await readTar(output);
    const { manifests } = JSON.parse(files.get("index.json")!.toString()) as Index;
    const { digest, mediaType } = manifests[0]!;
    const manifest = files.get(`blobs/${digest.replace(":", "/")}`)!;
    const { config, layers } = JSON.parse(manifest.toString()) as Manifest;
    for (const blob of [config, ...layers])
      await this.#pushBlob(repository, blob.digest, files.get(`blobs/${blob.digest.replace(":", "/")}`)!);
    await this.#must("PUT", `${repository}/manifests/${tag}`, manifest, { "content-type": mediaType });
    return `${this.address}/${name}`;
  }

  async #pushBlob(repository: string, digest: string, bytes: Buffer): Promise<void> {
    const begun = await this.#must("POST", `${repository}/blobs/uploads/`);
    const location = new URL(begun.headers.get("location")!, `http://${this.address}`);
    location.searchParams.set("digest", digest);
    await this.#must("PUT", location.href, bytes, { "content-type": "application/octet-stream" });
  }

  async #must(
    method: string,
    path: string,
    body?: Buffer,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const response = await this.#ask(method, path, body, headers);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  #ask(
    method: string,
    path: string,
    body?: Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const url = new URL(path, `http://${this.address}/v2/`);
    const init = { method, headers: { ...headers, authorization: AUTHORIZATION } };
    return fetch(url, body === undefined ? init : { ...init, body: new Uint8Array(body) });
  }

  async stop(): Promise<void> {
    const isGone = new Promise((resolve) => this.#process.once("exit", resolve));
    if (this.#process.kill()) await isGone;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly mediaType: string }[];
}

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

async function readTar(path: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const entries = createReadStream(path).pipe(extract());
  for await (const entry of entries) files.set(entry.header.name, await buffer(entry));
  return files;
}
