/**
 * `k8ts certs rotate-ca add|use|drop`: another authority for a cluster that goes on running. `ca.crt` is a bundle: all in it are
 * believed, and the first one signs.
 * @module
 */
import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { certificateBlocks } from "#component-base";
import {
  createCertificateAuthority,
  isSignedBy,
  readKeyPair,
  writeFileAtomically,
  writeKeyPair,
  writePrivateFile,
} from "#component-base/pki";
import { hasClusterContext, mergeClusterContext } from "../kubeconfigs.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { profilePaths } from "../paths.ts";
import { requireProfile, type Profile } from "../profile.ts";
import { EXIT, UserError } from "../user-error.ts";
import { certsRenew } from "./certs.ts";

export type RotationStep = "add" | "use" | "drop";

const PUBLIC_MODE = 0o644;

interface Rotation {
  readonly context: LauncherContext;
  readonly profile: Profile;
  readonly pki: string;
  /** Folders of the nodes' certificates. */
  readonly nodes: readonly string[];
  /** Certificates of `ca.crt`. */
  readonly bundle: readonly string[];
  readonly next: { readonly certificate: string; readonly privateKey: string };
  readonly signal: AbortSignal;
}

/** Each step may be done again after it was interrupted. Throws a UserError for one whose time has not come. */
export async function certsRotateCa(
  context: LauncherContext,
  profileName: string,
  step: RotationStep,
  signal: AbortSignal,
): Promise<void> {
  const profile = await requireProfile(context.env, profileName);
  const paths = profilePaths(context.env, profile.name);
  const { pki } = paths;
  const rotation: Rotation = {
    context,
    profile,
    pki,
    nodes: profile.nodes.map(({ name }) => join(paths.node(name).dir, "pki")).filter(existsSync),
    bundle: certificateBlocks(await readFile(join(pki, "ca.crt"), "utf8")),
    next: { certificate: join(pki, "ca-next.crt"), privateKey: join(pki, "ca-next.key") },
    signal,
  };
  await STEPS[step](rotation);
}

const STEPS: Readonly<Record<RotationStep, (rotation: Rotation) => Promise<void>>> = { add, use, drop };

async function add(rotation: Rotation): Promise<void> {
  const { context, profile, bundle, next } = rotation;
  if (!existsSync(next.certificate)) {
    if (bundle.length > 1) throw refusal(profile, "the authority before this one is still believed", "drop");
    await writeKeyPair(next, await createCertificateAuthority("kubernetes", context.clock));
  }
  const { certificatePem } = await readKeyPair(next);
  await publish(rotation, [...bundle.filter((one) => one !== certificatePem), certificatePem]);
  context.progress.info("a new authority is believed beside the old one");
}

async function use(rotation: Rotation): Promise<void> {
  const { context, profile, pki, bundle, next, signal } = rotation;
  if (!existsSync(next.certificate)) throw refusal(profile, "there is no new authority yet", "add");
  const { certificatePem, privateKeyPem } = await readKeyPair(next);
  if (!bundle.includes(certificatePem))
    throw refusal(profile, "the new authority is not believed yet", "add");
  await writePrivateFile(join(pki, "ca.key"), privateKeyPem);
  await publish(rotation, [certificatePem, ...bundle.filter((one) => one !== certificatePem)]);
  await certsRenew(context, profile.name, "all", signal);
  await rm(next.certificate);
  await rm(next.privateKey);
  context.progress.info("the new authority signs");
}

async function drop(rotation: Rotation): Promise<void> {
  const { context, profile, bundle, next } = rotation;
  const [first = "", ...old] = bundle;
  if (existsSync(next.certificate)) throw refusal(profile, "the new authority does not sign yet", "use");
  if (old.length === 0) throw refusal(profile, "there is one authority alone", "add");
  const left = await signedBy(old, rotation);
  if (left.length > 0) {
    throw new UserError(`certificates of the old authority are in use: ${left.join(", ")}`, {
      id: "CERTIFICATE_AUTHORITY_IN_USE",
      exitCode: EXIT.unavailable,
      fix: `wait a minute, or k8ts certs renew -p ${profile.name}; nodes that are stopped take theirs up when they start`,
    });
  }
  await publish(rotation, [first]);
  context.progress.info("the old authority is believed no more");
}

/** Everybody who reads a file sees it at once; the server tells pods and those who join. */
async function publish(
  { context, profile, pki, nodes, signal }: Rotation,
  blocks: readonly string[],
): Promise<void> {
  for (const dir of [pki, ...nodes])
    await writeFileAtomically(join(dir, "ca.crt"), blocks.join(""), PUBLIC_MODE);
  if (await hasClusterContext(profile)) await mergeClusterContext(context.env, profile, signal);
}

/** Files whose certificate is of one of these; what an agent has in use counts besides what it was given. */
async function signedBy(
  authorities: readonly string[],
  { pki, nodes }: Rotation,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const dir of [pki, ...nodes]) {
    const names = (await readdir(dir)).filter((name) => /(?:\.crt|-current\.pem)$/.test(name));
    for (const name of names.filter((other) => !/^(?:front-proxy-)?ca\.crt$/.test(other))) {
      const pem = await readFile(join(dir, name), "utf8");
      for (const authority of authorities) if (await isSignedBy(pem, authority)) found.push(join(dir, name));
    }
  }
  return found;
}

function refusal(profile: Profile, why: string, step: RotationStep): UserError {
  return new UserError(why, {
    id: "CERTIFICATE_ROTATION_STEP",
    exitCode: EXIT.usage,
    fix: `k8ts certs rotate-ca ${step} -p ${profile.name}`,
  });
}
