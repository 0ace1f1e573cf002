/** Tokens for nodes that join: Secrets of type bootstrap.kubernetes.io/token in kube-system. @module */
import { hash, timingSafeEqual } from "node:crypto";
import { compareStrings, type Clock } from "#apimachinery";
import type { Secret } from "#api/core/v1/types.gen";
import type { TokenAuthenticator } from "./token-authenticator.ts";

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const SECRET_TYPE = "bootstrap.kubernetes.io/token";
const GROUP = "system:bootstrappers";
const GROUP_RULE = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** `secret` finds a Secret of the namespace kube-system by name. */
export function bootstrapTokens(
  secret: (name: string) => Secret | undefined | Promise<Secret | undefined>,
  clock: Clock,
): TokenAuthenticator {
  return {
    async authenticateToken(token) {
      const [, id, key] = TOKEN.exec(token) ?? [];
      if (id === undefined || key === undefined) return undefined;
      const found = await secret(`bootstrap-token-${id}`);
      if (found?.type !== SECRET_TYPE || found.metadata.deletionTimestamp !== undefined) return undefined;
      const value = (name: string): string => Buffer.from(found.data?.[name] ?? "", "base64").toString();
      const expiration = value("expiration");
      const isValid =
        value("token-id") === id &&
        isEqual(value("token-secret"), key) &&
        value("usage-bootstrap-authentication") === "true" &&
        (expiration === "" || Date.parse(expiration) > clock.now());
      if (!isValid) return undefined;
      const extra = value("auth-extra-groups")
        .split(",")
        .filter((group) => group !== "");
      if (!extra.every((group) => GROUP_RULE.test(group))) return undefined;
      return {
        user: { name: `system:bootstrap:${id}`, groups: [GROUP, ...new Set(extra)].toSorted(compareStrings) },
      };
    },
  };
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(hash("sha256", a, "buffer"), hash("sha256", b, "buffer"));
}
