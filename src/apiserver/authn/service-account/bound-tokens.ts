/** Tokens that a TokenRequest was answered with: good until they expire, or what they are bound to is gone; upstream's `NewValidator`. @module */
import type { Clock, KubeObject } from "#apimachinery";
import type { UserInfo } from "../../user-info.ts";
import { readPrivateClaims, type PrivateClaims } from "./claims.ts";
import { timeProblem, LEEWAY_MS } from "./token-times.ts";
import type { Payload, Validated, Validator } from "./token-authenticator.ts";

/** Looks objects up by namespace and name; from a cache, or with a read when that might be behind. */
export interface BoundObjectLookup {
  serviceAccount(namespace: string, name: string): Found | Promise<Found>;
  pod(namespace: string, name: string): Found | Promise<Found>;
  secret(namespace: string, name: string): Found | Promise<Found>;
  node(name: string): Found | Promise<Found>;
}

type Found = Pick<KubeObject, "metadata"> | undefined;

export interface BoundTokenOptions {
  readonly lookup: BoundObjectLookup;
  readonly clock: Clock;
  /** Told whether a token of extended life was used within the time that its holder asked for. */
  readonly onExtended?: (isStale: boolean) => void;
}

const EXTRA = "authentication.kubernetes.io/";
const INVALIDATED = "service account token has been invalidated";

export function boundTokenValidator({ lookup, clock, onExtended }: BoundTokenOptions): Validator {
  return async (_token, payload) => {
    const times = timeProblem(payload, clock.now());
    if (times !== undefined) throw new Error(`service account token ${times}`);
    const claims = readPrivateClaims(payload);
    if (claims === undefined) throw new Error("the token does not name a service account");
    const problem = await problemOf(claims, lookup, clock.now() - LEEWAY_MS);
    if (problem !== undefined) throw new Error(problem);
    return validated(claims, payload, clock.now(), onExtended);
  };
}

/** Why what the token is bound to no longer stands behind it. */
async function problemOf(
  { namespace, serviceaccount, pod, secret, node }: PrivateClaims,
  lookup: BoundObjectLookup,
  deletedBeforeMs: number,
): Promise<string | undefined> {
  const account = (await lookup.serviceAccount(namespace, serviceaccount.name))?.metadata;
  if (account === undefined) return `serviceaccounts "${serviceaccount.name}" not found`;
  if (account.uid !== serviceaccount.uid)
    return `service account UID (${account.uid}) does not match claim (${serviceaccount.uid})`;
  if (wasDeleted(account, deletedBeforeMs))
    return `service account ${namespace}/${serviceaccount.name} has been deleted`;
  const bound: readonly [string, PrivateClaims["pod"], (name: string) => Found | Promise<Found>][] = [
    ["secret", secret, (name) => lookup.secret(namespace, name)],
    ["pod", pod, (name) => lookup.pod(namespace, name)],
    // The node of a pod's token is information; only a token bound to the node itself ends with it.
    ["node", pod === undefined ? node : undefined, (name) => lookup.node(name)],
  ];
  for (const [kind, ref, find] of bound) {
    if (ref === undefined) continue;
    const metadata = (await find(ref.name))?.metadata;
    if (metadata === undefined) return INVALIDATED;
    if (metadata.uid !== ref.uid) {
      const title = `${kind[0]!.toUpperCase()}${kind.slice(1)}`;
      return `${title} UID (${metadata.uid}) does not match service account ${kind} ref claim (${ref.uid})`;
    }
    if (wasDeleted(metadata, deletedBeforeMs)) return INVALIDATED;
  }
  return undefined;
}

/** An object whose deletion began long ago no longer counts, even while finalizers keep it. */
function wasDeleted({ deletionTimestamp }: KubeObject["metadata"], beforeMs: number): boolean {
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < beforeMs;
}

function validated(
  claims: PrivateClaims,
  { sub, jti }: Payload,
  nowMs: number,
  onExtended: BoundTokenOptions["onExtended"],
): Validated {
  const user = userOf(claims, typeof jti === "string" ? jti : undefined);
  const { warnafter = 0 } = claims;
  if (warnafter === 0) return { user };
  const staleSeconds = Math.floor(nowMs / 1_000) - warnafter;
  const isStale = nowMs > warnafter * 1_000;
  onExtended?.(isStale);
  if (!isStale) return { user };
  const note = `subject: ${String(sub)}, seconds after warning threshold: ${staleSeconds}`;
  return { user, annotations: { "authentication.k8s.io/stale-token": note } };
}

function userOf({ namespace, serviceaccount, pod, node }: PrivateClaims, jti: string | undefined): UserInfo {
  const extra = Object.entries({
    "credential-id": jti && `JTI=${jti}`,
    "node-name": node?.name,
    "node-uid": node?.uid,
    "pod-name": pod?.name,
    "pod-uid": pod?.uid,
  }).flatMap(([name, value]) => (value === undefined ? [] : [[EXTRA + name, [value]] as const]));
  return {
    ...serviceAccountUser(namespace, serviceaccount.name, serviceaccount.uid),
    extra: Object.fromEntries(extra),
  };
}

export function serviceAccountUser(namespace: string, name: string, uid: string | undefined): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    ...(uid !== undefined && { uid }),
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  };
}
