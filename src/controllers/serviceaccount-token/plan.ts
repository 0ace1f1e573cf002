/** What becomes of a Secret of type kubernetes.io/service-account-token. Pure. @module */
import type { Secret, ServiceAccount } from "#api/core/v1/types.gen";

export const TOKEN_TYPE = "kubernetes.io/service-account-token";
export const ACCOUNT_NAME = "kubernetes.io/service-account.name";
export const ACCOUNT_UID = "kubernetes.io/service-account.uid";

export type Plan =
  | { readonly type: "none" }
  /** Its account is gone, or is another one. */
  | { readonly type: "delete" }
  /** `needsToken`: a token is to be signed and put in. */
  | { readonly type: "fill"; readonly secret: Secret; readonly needsToken: boolean };

/** `account`: the one the Secret names, if it exists. */
export function plan(secret: Secret, account: ServiceAccount | undefined, rootCA: string | undefined): Plan {
  const { annotations = {} } = secret.metadata;
  const uid = annotations[ACCOUNT_UID] ?? "";
  if (account === undefined || (uid !== "" && uid !== account.metadata.uid)) return { type: "delete" };
  const data = secret.data ?? {};
  const wanted = {
    ...(rootCA !== undefined && { "ca.crt": encode(rootCA) }),
    ...((data["namespace"] ?? "") === "" && { namespace: encode(secret.metadata.namespace ?? "") }),
  };
  const needsToken = (data["token"] ?? "") === "";
  const isWhole = Object.entries(wanted).every(([key, value]) => data[key] === value);
  if (isWhole && !needsToken) return { type: "none" };
  const named = { [ACCOUNT_NAME]: account.metadata.name, [ACCOUNT_UID]: account.metadata.uid ?? "" };
  const filled: Secret = {
    ...secret,
    metadata: { ...secret.metadata, annotations: { ...annotations, ...named } },
    data: { ...data, ...wanted },
  };
  return { type: "fill", secret: filled, needsToken };
}

/** The account without a reference to the Secret; undefined: there is none. */
export function withoutReference(account: ServiceAccount, secretName: string): ServiceAccount | undefined {
  const secrets = (account.secrets ?? []).filter(({ name }) => name !== secretName);
  return secrets.length === (account.secrets ?? []).length ? undefined : { ...account, secrets };
}

export function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}
