/**
 * What becomes of one certificate of a pod: asked for, issued and asked for again, or denied or failed for good; the states
 * of upstream's `podcertificate.IssuingManager`. Pure.
 * @module
 */
import { pemBlocks } from "#api/certificates/pem";
import type { PodCertificateRequest } from "#api/certificates/v1/types.gen";
import { parseTime } from "#apimachinery";

/** A request that was made and is not answered yet. */
export interface Pending {
  readonly privateKey: string;
  readonly name: string;
  /** A request that nobody sees by then was deleted. */
  readonly abandonAtMs: number;
}

export interface Issued {
  readonly privateKey: string;
  readonly chain: string;
  readonly beginRefreshAtMs: number;
  readonly notAfterMs: number;
  readonly isOverdueTold: boolean;
  readonly isExpiryTold: boolean;
}

export interface CredentialState {
  /** Final: nothing is asked for any more. */
  readonly refusal?: {
    readonly verdict: "Denied" | "Failed";
    readonly reason: string;
    readonly message: string;
  };
  readonly pending?: Pending;
  readonly issued?: Issued;
}

export interface PodEvent {
  readonly reason: string;
  readonly message: string;
}

export interface Step {
  readonly state: CredentialState;
  readonly events: readonly PodEvent[];
  readonly next: "request" | "wait" | "retry";
}

const ABANDON_MS = 600_000;
const OVERDUE_MS = 600_000;
/** Certificates of many pods are not all renewed at the same time. */
const JITTER_MS = 300_000;

/** `request` is the pending one, if it is seen; `random` is in [0, 1). */
export function planCredential(
  state: CredentialState,
  request: PodCertificateRequest | undefined,
  nowMs: number,
  random: number,
): Step {
  if (state.refusal !== undefined) return { state, events: [], next: "wait" };
  if (state.pending !== undefined) return planPending(state, state.pending, request, nowMs, random);
  if (state.issued === undefined) return { state, events: [], next: "request" };
  if (nowMs < state.issued.beginRefreshAtMs) return { state, events: [], next: "wait" };
  return { ...warned(state, state.issued, nowMs), next: "request" };
}

/** As metrics name it. */
export function stateName({ refusal, issued }: CredentialState, nowMs: number): string {
  if (refusal !== undefined) return refusal.verdict.toLowerCase();
  if (issued === undefined) return "not_yet_issued";
  if (nowMs > issued.notAfterMs) return "expired";
  return nowMs > issued.beginRefreshAtMs + OVERDUE_MS ? "overdue_for_refresh" : "fresh";
}

export function pendingRequest(
  { metadata }: PodCertificateRequest,
  privateKey: string,
  random: number,
): Pending {
  const createdMs = parseTime(metadata.creationTimestamp!);
  return { privateKey, name: metadata.name, abandonAtMs: createdMs + ABANDON_MS + random * JITTER_MS };
}

function planPending(
  state: CredentialState,
  { privateKey, abandonAtMs }: Pending,
  request: PodCertificateRequest | undefined,
  nowMs: number,
  random: number,
): Step {
  const { pending: _pending, ...settled } = state;
  if (request === undefined) {
    // Not seen yet, or deleted: whoever waits long enough asks again.
    return nowMs > abandonAtMs
      ? { state: settled, events: [], next: "retry" }
      : { state, events: [], next: "wait" };
  }
  const { conditions = [], certificateChain = "", beginRefreshAt, notAfter } = request.status ?? {};
  const refused = conditions.find(({ type }) => type === "Denied" || type === "Failed");
  if (refused !== undefined) {
    const { reason, message } = refused;
    const type = refused.type === "Denied" ? "Denied" : "Failed";
    const said = type === "Denied" ? "was denied" : "failed";
    const name = `${request.metadata.namespace}/${request.metadata.name}`;
    const text = `PodCertificateRequest ${name} ${said}, reason=${JSON.stringify(reason)}, message=${JSON.stringify(message)}`;
    const refusal = { verdict: type, reason, message } as const;
    return { state: { refusal }, events: [{ reason: type, message: text }], next: "wait" };
  }
  const isIssued = conditions.some(({ type }) => type === "Issued");
  if (isIssued && beginRefreshAt !== undefined && notAfter !== undefined) {
    const issued: Issued = {
      privateKey,
      chain: cleanChain(certificateChain),
      beginRefreshAtMs: parseTime(beginRefreshAt) + random * JITTER_MS,
      notAfterMs: parseTime(notAfter),
      isOverdueTold: false,
      isExpiryTold: false,
    };
    return { state: { issued }, events: [], next: "wait" };
  }
  const waiting = state.issued === undefined ? { state, events: [] } : warned(state, state.issued, nowMs);
  return { ...waiting, next: "wait" };
}

/** Each warning once for each certificate. */
function warned(state: CredentialState, issued: Issued, nowMs: number): Omit<Step, "next"> {
  const isOverdue = !issued.isOverdueTold && nowMs > issued.beginRefreshAtMs + OVERDUE_MS;
  const isExpired = !issued.isExpiryTold && nowMs > issued.notAfterMs;
  if (!isOverdue && !isExpired) return { state, events: [] };
  const overdue = { reason: "CertificateOverdueForRefresh", message: "PodCertificate refresh overdue" };
  const expired = { reason: "CertificateExpired", message: "PodCertificate expired" };
  return {
    state: {
      ...state,
      issued: {
        ...issued,
        isOverdueTold: issued.isOverdueTold || isOverdue,
        isExpiryTold: issued.isExpiryTold || isExpired,
      },
    },
    events: [...(isOverdue ? [overdue] : []), ...(isExpired ? [expired] : [])],
  };
}

export interface CredentialBundle {
  readonly privateKey: string;
  readonly chain: string;
}

/** What the files of the volume are made from. Throws with the words that `FailedMount` shows. */
export function bundleOf({ refusal, issued }: CredentialState): CredentialBundle {
  if (refusal !== undefined) {
    const { verdict, reason, message } = refusal;
    throw new Error(
      `PodCertificateRequest was permanently ${verdict.toLowerCase()}: reason=${JSON.stringify(reason)} message=${JSON.stringify(message)}`,
    );
  }
  if (issued === undefined) throw new Error("credential bundle is not issued yet");
  return issued;
}

/** Certificates alone: no headers, nothing between. */
function cleanChain(chain: string): string {
  return pemBlocks(chain)
    .map(({ der }) => {
      const lines = der.toBase64().match(/.{1,64}/g) ?? [];
      return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
    })
    .join("");
}
