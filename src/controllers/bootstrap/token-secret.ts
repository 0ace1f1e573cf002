/** Bootstrap tokens as Secrets of the namespace kube-system. Pure. @module */
import type { Secret } from "#api/core/v1/types.gen";

export const TOKEN_TYPE = "bootstrap.kubernetes.io/token";
export const TOKEN_NAMESPACE = "kube-system";
const NAME = /^bootstrap-token-([a-z0-9]{6})$/;

/** Milliseconds until the token ends; 0 or less: it has ended; undefined: it never does. A time that cannot be read has passed. */
export function leftMs(secret: Secret, nowMs: number): number | undefined {
  const expiration = valueOf(secret, "expiration");
  if (expiration === "") return undefined;
  const time = Date.parse(expiration);
  return Number.isNaN(time) ? 0 : time - nowMs;
}

/** Id and secret of a token that may sign the cluster's information. */
export function signingToken(
  secret: Secret,
  nowMs: number,
): { readonly id: string; readonly key: string } | undefined {
  const [, id] = NAME.exec(secret.metadata.name) ?? [];
  const key = valueOf(secret, "token-secret");
  if (secret.type !== TOKEN_TYPE || id === undefined || id !== valueOf(secret, "token-id")) return undefined;
  if (key === "" || (leftMs(secret, nowMs) ?? 1) <= 0) return undefined;
  return valueOf(secret, "usage-bootstrap-signing") === "true" ? { id, key } : undefined;
}

function valueOf({ data }: Secret, key: string): string {
  return Buffer.from(data?.[key] ?? "", "base64").toString();
}
