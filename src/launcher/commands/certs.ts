/** `k8ts certs check|renew`: the certificates of a cluster's own components. @module */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { humanDuration } from "#api/printing/human-duration";
import {
  certificateFiles,
  parseCertificate,
  renewFile,
  type CertificateFile,
  type CertificateInfo,
} from "#component-base/pki";
import { hasClusterContext, mergeClusterContext } from "../kubeconfigs.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { profilePaths, type LauncherEnv } from "../paths.ts";
import { requireProfile, type Profile } from "../profile.ts";
import { EXIT, UserError } from "../user-error.ts";
import type { CertificateRow } from "./certs-table.ts";

/** Pairs that a node's agent renews itself are in one file; the newest is linked. */
const CURRENT = "-current.pem";

/** Everything that has a certificate, authorities last. */
export async function certsCheck(
  { env, clock }: LauncherContext,
  profileName: string,
): Promise<readonly CertificateRow[]> {
  const profile = await requireProfile(env, profileName);
  const found = await allCertificates(env, profile);
  const rows = await Promise.all(
    found.map(async (file) => {
      const info = await newestOf(file);
      return {
        name: file.name,
        subject: info.commonName,
        expires: new Date(info.notAfter).toISOString(),
        residual: humanDuration(info.notAfter - clock.now()),
        residualMs: info.notAfter - clock.now(),
        authority: info.isCa ? "" : info.issuer,
        isAuthority: info.isCa,
      };
    }),
  );
  return [...rows.filter((row) => !row.isAuthority), ...rows.filter((row) => row.isAuthority)];
}

/** `what`: `all`, or a name of `certs check`. Resolves with the names of those that were renewed. */
export async function certsRenew(
  { env, clock, progress }: LauncherContext,
  profileName: string,
  what: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const profile = await requireProfile(env, profileName);
  const { pki } = profilePaths(env, profile.name);
  const found = (await allCertificates(env, profile)).filter(
    // the agent's own are renewed by the agent
    ({ info, certificate }) => !info.isCa && !certificate.endsWith(CURRENT),
  );
  const chosen = what === "all" ? found : found.filter(({ name }) => name === what);
  if (chosen.length === 0) {
    throw new UserError(`the cluster "${profile.name}" has no certificate ${JSON.stringify(what)}`, {
      id: "CERTIFICATE_NOT_FOUND",
      exitCode: EXIT.notFound,
      fix: `k8ts certs check -p ${profile.name}`,
    });
  }
  for (const { name, dir, fileName } of chosen) {
    await renewFile(pki, { dir, name: fileName }, clock);
    progress.info(`certificate ${name} renewed`);
  }
  // The administrator's is part of the kubeconfig.
  const isAdmin = chosen.some(({ name }) => name === "admin");
  if (isAdmin && (await hasClusterContext(profile))) await mergeClusterContext(env, profile, signal);
  return chosen.map(({ name }) => name);
}

/** Certificates that the agent alone made. */
async function ownFiles(dir: string): Promise<readonly CertificateFile[]> {
  const names = await readdir(dir);
  const own = names.filter((file) => file.endsWith(CURRENT)).map((file) => file.slice(0, -CURRENT.length));
  return Promise.all(
    own
      .filter((name) => !names.includes(`${name}.crt`))
      .map(async (name) => {
        const path = join(dir, name + CURRENT);
        const info = parseCertificate(await readFile(path, "utf8"));
        return { name, certificate: path, privateKey: path, info };
      }),
  );
}

interface NamedCertificate extends Omit<CertificateFile, "name"> {
  /** `apiserver`, or `NODE/kubelet`. */
  readonly name: string;
  readonly fileName: string;
  readonly dir: string;
}

async function allCertificates(env: LauncherEnv, profile: Profile): Promise<readonly NamedCertificate[]> {
  const paths = profilePaths(env, profile.name);
  const folders = [
    { prefix: "", dir: paths.pki },
    ...profile.nodes.map(({ name }) => ({ prefix: `${name}/`, dir: join(paths.node(name).dir, "pki") })),
  ];
  const found = await Promise.all(
    folders.map(async ({ prefix, dir }) => {
      const files = [...(await certificateFiles(dir)), ...(await ownFiles(dir))];
      // a node's copy of the authority is the same one
      const own = prefix === "" ? files : files.filter(({ info }) => !info.isCa);
      return own.map((file) => ({ ...file, name: prefix + file.name, fileName: file.name, dir }));
    }),
  );
  return found.flat();
}

async function newestOf({ info, dir, fileName }: NamedCertificate): Promise<CertificateInfo> {
  const current = await readFile(join(dir, fileName + CURRENT), "utf8").catch(
    (err: NodeJS.ErrnoException) => {
      if (err.code !== "ENOENT") throw err;
      return undefined;
    },
  );
  const other = current === undefined ? info : parseCertificate(current);
  return other.notAfter > info.notAfter ? other : info;
}
