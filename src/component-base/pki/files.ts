/** Keys and certificates as files: written whole or not at all, keys readable by their owner only. @module */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { KeyPairPem } from "./certificates.ts";

const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

export interface KeyPairPaths {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Throws ENOENT when either file is missing. */
export async function readKeyPair(paths: KeyPairPaths): Promise<KeyPairPem> {
  const [certificatePem, privateKeyPem] = await Promise.all([
    readFile(paths.certificate, "utf8"),
    readFile(paths.privateKey, "utf8"),
  ]);
  return { certificatePem, privateKeyPem };
}

/** The key is written first: a certificate on disk always has its key. */
export async function writeKeyPair(paths: KeyPairPaths, pair: KeyPairPem): Promise<void> {
  await writePrivateFile(paths.privateKey, pair.privateKeyPem);
  await writeFileAtomically(paths.certificate, pair.certificatePem, PUBLIC_MODE);
}

/** The pair on disk if it is there and `isGood`; otherwise a new one, written first. */
export async function ensureKeyPair(
  paths: KeyPairPaths,
  isGood: (pair: KeyPairPem) => boolean | Promise<boolean>,
  create: () => Promise<KeyPairPem>,
): Promise<KeyPairPem> {
  const existing = await readIfPresent(paths);
  if (existing !== undefined && (await isGood(existing))) return existing;
  const pair = await create();
  await writeKeyPair(paths, pair);
  return pair;
}

/** Mode 0600, also when the file was there with another one. */
export async function writePrivateFile(path: string, content: string): Promise<void> {
  await writeFileAtomically(path, content, PRIVATE_MODE);
}

/** Readers see the old content or the new, never a part; the new one survives a crash of the machine. */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (err) {
    await rm(temporary, { force: true });
    throw new Error(`writing ${path}`, { cause: err });
  }
}

async function readIfPresent(paths: KeyPairPaths): Promise<KeyPairPem | undefined> {
  try {
    return await readKeyPair(paths);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}
