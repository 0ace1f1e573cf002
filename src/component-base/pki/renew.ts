/** Certificates in folders: which there are, and a new one like the old. @module */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#apimachinery";
import { isSignedBy, parseCertificate, type CertificateInfo } from "./certificate-info.ts";
import { issueCertificate, loadCertificateAuthority } from "./certificates.ts";
import { certificateBlocks } from "./pem.ts";
import { readKeyPair, writeKeyPair, type KeyPairPaths } from "./files.ts";

export interface CertificateFile extends KeyPairPaths {
  /** File name without `.crt`. */
  readonly name: string;
  readonly info: CertificateInfo;
}

/** Every `NAME.crt` of the folder, by name. A folder that is not there has none. */
export async function certificateFiles(dir: string): Promise<readonly CertificateFile[]> {
  const names = await readdir(dir).catch((err: NodeJS.ErrnoException): string[] => {
    if (err.code === "ENOENT") return [];
    throw err;
  });
  const files = names.filter((name) => name.endsWith(".crt")).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const name = file.slice(0, -".crt".length);
      const certificate = join(dir, file);
      const info = parseCertificate(await readFile(certificate, "utf8"));
      return { name, certificate, privateKey: join(dir, `${name}.key`), info };
    }),
  );
}

/**
 * Replaces a pair: a new key, and a certificate that says what the old one says, for a year, by the authority in
 * `authorityDir` that issued the old one; of a bundle any may have, and the first one issues. Resolves with the subject's name. Throws when that authority is not there.
 */
export async function renewFile(
  authorityDir: string,
  { dir, name }: { readonly dir: string; readonly name: string },
  clock: Clock,
): Promise<string> {
  const paths = { certificate: join(dir, `${name}.crt`), privateKey: join(dir, `${name}.key`) };
  const old = await readFile(paths.certificate, "utf8");
  const authorities = (await certificateFiles(authorityDir)).filter(({ info }) => info.isCa);
  for (const authority of authorities) {
    const pair = await readKeyPair(authority);
    if (!(await isSignedByAny(old, pair.certificatePem))) continue;
    const { commonName, organizations, dnsNames, ipAddresses, usages } = parseCertificate(old);
    const wanted = { commonName, organizations, dnsNames, ipAddresses, usages };
    await writeKeyPair(paths, await issueCertificate(await loadCertificateAuthority(pair), wanted, clock));
    return commonName;
  }
  throw new Error(`renewing ${paths.certificate}: no authority in ${authorityDir} issued it`);
}

async function isSignedByAny(certificatePem: string, bundle: string): Promise<boolean> {
  for (const authority of certificateBlocks(bundle))
    if (await isSignedBy(certificatePem, authority)) return true;
  return false;
}
