/**
 * A certificate and its key in one file of a folder, with a link that names the newest: `kubelet-client-current.pem`, as
 * upstream's file store. Who reads the link sees a whole pair, the old one or the new one.
 * @module
 */
import { X509Certificate } from "node:crypto";
import { lstat, readFile, readdir, rename, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writePrivateFile } from "#component-base";

export interface StoredPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** The first certificate, which is the own one. */
  readonly leaf: X509Certificate;
}

/** Pairs of earlier rotations that are kept for those who look for the cause of something. */
const OLD_FILES_MAX = 3;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[^-]+-----END (?:EC |RSA )?PRIVATE KEY-----/;

export class CertificateStore {
  readonly #dir: string;
  readonly #prefix: string;

  /** `prefix`: kubelet-client or kubelet-server. */
  constructor(dir: string, prefix: string) {
    this.#dir = resolve(dir);
    this.#prefix = prefix;
  }

  /** The link; both certificate and key are read from it. */
  get currentPath(): string {
    return this.#path("current");
  }

  /** The pair that the link names, or one that somebody else put into `PREFIX.crt` and `PREFIX.key` and that lasts longer. */
  async current(): Promise<StoredPair | undefined> {
    const pair = await readFile(this.currentPath, "utf8").then(parsePair, absent);
    const given = await this.#given();
    return lasts(given) > lasts(pair) ? given : pair;
  }

  /** The same, and the link names it from now on. */
  async adopt(nowMs: number): Promise<StoredPair | undefined> {
    const pair = await this.current();
    if (pair === undefined) return undefined;
    const linked = await readFile(this.currentPath, "utf8").then(parsePair, absent);
    if (linked?.certificatePem === pair.certificatePem) return pair;
    return this.update(pair.certificatePem, pair.privateKeyPem, nowMs);
  }

  /** Durable when it resolves. */
  async update(certificatePem: string, privateKeyPem: string, nowMs: number): Promise<StoredPair> {
    const text = `${certificatePem.trim()}\n${privateKeyPem.trim()}\n`;
    const pair = parsePair(text);
    const file = this.#path(new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[T:]/g, "-"));
    await writePrivateFile(file, text);
    await this.#link(file);
    await this.#removeOld(file);
    return pair;
  }

  async #given(): Promise<StoredPair | undefined> {
    const read = (suffix: string): Promise<string> =>
      readFile(join(this.#dir, `${this.#prefix}.${suffix}`), "utf8");
    try {
      return parsePair(`${await read("crt")}\n${await read("key")}`);
    } catch (err) {
      return absent(err);
    }
  }

  async #link(file: string): Promise<void> {
    const stat = await lstat(this.currentPath).catch(absent);
    if (stat !== undefined && !stat.isSymbolicLink())
      throw new Error(`expected ${JSON.stringify(this.currentPath)} to be a symlink but it is a file`);
    const updated = this.#path("updated");
    await rm(updated, { force: true });
    await symlink(file, updated);
    await rename(updated, this.currentPath);
  }

  async #removeOld(newest: string): Promise<void> {
    const dated = new RegExp(String.raw`^${this.#prefix}-\d{4}(-\d\d){5}\.pem$`);
    const files = (await readdir(this.#dir)).filter((name) => dated.test(name)).toSorted();
    const old = files.filter((name) => join(this.#dir, name) !== newest);
    for (const name of old.slice(0, -OLD_FILES_MAX)) await rm(join(this.#dir, name));
  }

  #path(qualifier: string): string {
    return join(this.#dir, `${this.#prefix}-${qualifier}.pem`);
  }
}

function lasts(pair: StoredPair | undefined): number {
  return pair?.leaf.validToDate.getTime() ?? Number.NEGATIVE_INFINITY;
}

function parsePair(text: string): StoredPair {
  const certificates = text.match(CERTIFICATE);
  const key = KEY.exec(text);
  if (certificates === null) throw new Error("invalid certificate data: no CERTIFICATE block");
  if (key === null) throw new Error("invalid key data: no PRIVATE KEY block");
  return {
    certificatePem: `${certificates.join("\n")}\n`,
    privateKeyPem: `${key[0]}\n`,
    leaf: new X509Certificate(certificates[0]),
  };
}

function absent(err: unknown): undefined {
  if ((err as NodeJS.ErrnoException).code !== "ENOENT") throw err;
}
