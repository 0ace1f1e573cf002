/** A registry that misbehaves as the first part of a repository's name says: `slow/web`, `half/web`, `busy/web`. */
import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { extract, pack } from "tar-stream";
import { buildImage } from "../../src/launcher/image-build/index.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const SLOW_CHUNKS = 6;
const SLOW_PAUSE_MS = 150;
/** Of the layer that no other image has. */
const OWN_BYTES = 64 * 1024;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** A member of a hostile layer. */
interface Member {
  readonly name: string;
  readonly type?: "file" | "symlink" | "link";
  readonly linkname?: string;
}

export class FaultyRegistry {
  readonly address: string;
  readonly #server: Server;
  readonly #blobs = new Map<string, Buffer>();
  readonly #manifests = new Map<string, Buffer>();
  readonly #asked = new Map<string, number>();
  #base: Manifest | undefined;
  #isBusy = true;

  private constructor(address: string) {
    this.address = address;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** Listens, and has what is built from `folder`. */
  static async start(address: string, folder: string, tmp: string): Promise<FaultyRegistry> {
    const registry = new FaultyRegistry(address);
    await registry.#build(folder, tmp);
    const [host, port] = address.split(":");
    await new Promise<void>((resolve, reject) => {
      registry.#server.once("error", reject);
      registry.#server.listen(Number(port), host, resolve);
    });
    return registry;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Each with a layer of its own, so that it has to be fetched. */
  push(repository: string): Promise<string> {
    return this.pushLarge(repository, OWN_BYTES);
  }

  /** From now on `busy` images are served, and `held` ones to whoever asks again. */
  calmDown(): void {
    this.#isBusy = false;
  }

  /** Whether a blob of a `held` image was asked for. */
  isAsked(repository: string): boolean {
    return this.#asked.has(repository);
  }

  /** With one more layer. */
  async pushHostile(repository: string, members: readonly Member[]): Promise<string> {
    const archive = pack();
    for (const { name, type = "file", linkname } of members) {
      const header = { name, type, mode: 0o644 };
      if (linkname === undefined) archive.entry(header, "escaped");
      else archive.entry({ ...header, linkname });
    }
    archive.finalize();
    return this.#pushLayer(repository, await buffer(archive));
  }

  /** With so many bytes that nothing makes smaller. */
  async pushLarge(repository: string, bytes: number): Promise<string> {
    const archive = pack();
    archive.entry({ name: "large" }, randomBytes(bytes));
    archive.finalize();
    return this.#pushLayer(repository, await buffer(archive), { level: 0 });
  }

  #pushLayer(repository: string, tar: Buffer, options: { readonly level?: number } = {}): string {
    const base = this.#base!;
    const config = JSON.parse(this.#blobs.get(base.config.digest)!.toString()) as {
      rootfs: { diff_ids: string[] };
      history?: unknown;
    };
    config.rootfs.diff_ids.push(digestOf(tar));
    delete config.history;
    const layer = this.#store(LAYER, gzipSync(tar, options));
    return this.#put(repository, {
      ...base,
      config: this.#store(CONFIG, Buffer.from(JSON.stringify(config))),
      layers: [...base.layers, layer],
    });
  }

  #store(mediaType: string, bytes: Buffer): Descriptor {
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  #put(repository: string, manifest: Manifest): string {
    this.#manifests.set(repository, Buffer.from(JSON.stringify(manifest)));
    return `${this.address}/${repository}:1`;
  }

  async #build(folder: string, tmp: string): Promise<void> {
    const output = join(tmp, "faulty-registry.tar");
    const options = { context: folder, tags: ["demo/web:1"], output, nodeArch: process.arch };
    await buildImage(options, AbortSignal.timeout(30_000));
    const files = new Map<string, Buffer>();
    for await (const entry of createReadStream(output).pipe(extract()))
      files.set(entry.header.name, await buffer(entry));
    const blob = (digest: string): Buffer => files.get(`blobs/${digest.replace(":", "/")}`)!;
    const index = JSON.parse(files.get("index.json")!.toString()) as { manifests: Descriptor[] };
    const manifest = JSON.parse(blob(index.manifests[0]!.digest).toString()) as Manifest;
    for (const { mediaType, digest } of [manifest.config, ...manifest.layers])
      this.#store(mediaType, blob(digest));
    this.#base = { ...manifest, mediaType: MANIFEST };
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [, repository = "", kind, reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)/.exec(request.url ?? "") ?? [];
    const fault = repository.split("/")[0]!;
    const isBlob = kind === "blobs";
    const bytes = isBlob ? this.#blobs.get(reference) : this.#manifests.get(repository);
    if (kind === undefined || bytes === undefined) return void response.writeHead(404).end();
    if (fault === "silent") return; // until the client goes
    if (fault === "held" && isBlob && this.#isBusy) return void this.#count(repository); // until the client goes
    if (fault === "locked") return void response.writeHead(401).end();
    if (fault === "busy" && this.#isBusy) return void response.writeHead(429).end();
    const headers = {
      "content-type": isBlob ? "application/octet-stream" : MANIFEST,
      "docker-content-digest": isBlob ? reference : digestOf(bytes),
    };
    if (request.method === "HEAD")
      return void response.writeHead(200, { ...headers, "content-length": bytes.length }).end();
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? "0");
    const range = from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    const content = isBlob && fault === "forged" ? forged(bytes) : bytes.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { ...headers, ...range, "content-length": content.length });
    const isCut =
      isBlob && (fault === "stub" || (fault === "half" && this.#count(`${repository} ${reference}`) === 1));
    if (isBlob && fault === "slow") trickle(content, response);
    else if (isCut) response.write(content.subarray(0, content.length / 2), () => response.destroy());
    else response.end(content);
  }

  #count(what: string): number {
    const count = (this.#asked.get(what) ?? 0) + 1;
    this.#asked.set(what, count);
    return count;
  }
}

/** As long, with one bit changed. */
function forged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
  return copy;
}

function trickle(content: Buffer, response: ServerResponse): void {
  const step = Math.ceil(content.length / SLOW_CHUNKS);
  let at = 0;
  const timer = setInterval(() => {
    response.write(content.subarray(at, at + step));
    at += step;
    if (at < content.length && !response.destroyed) return;
    clearInterval(timer);
    response.end();
  }, SLOW_PAUSE_MS);
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
