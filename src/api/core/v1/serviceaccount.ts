/** ServiceAccount is the identity of processes in pods. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import type { ServiceAccount } from "./types.gen.ts";

export const ServiceAccounts: Kind<ServiceAccount> = {
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  names: { plural: "serviceaccounts", singular: "serviceaccount", short: ["sa"] },
  scope: "Namespaced",
  subresources: ["token"],
  strategy: {
    prepareForCreate: withSecretNames,
    prepareForUpdate: withSecretNames,
    warnings: warningsForServiceAccount,
  },
  columns: nameAndAge,
};

/** Of the references to secrets, the name is all that counts. */
function withSecretNames(account: ServiceAccount): ServiceAccount {
  if (account.secrets === undefined) return account;
  const secrets = account.secrets.map(({ name }) => (name === undefined ? {} : { name }));
  return { ...account, secrets };
}

const ENFORCE = "kubernetes.io/enforce-mountable-secrets";

/** Said once, when the annotation comes. */
function warningsForServiceAccount(
  { metadata }: ServiceAccount,
  old: ServiceAccount | undefined,
): readonly string[] {
  if (old?.metadata.annotations?.[ENFORCE] !== undefined || metadata.annotations?.[ENFORCE] === undefined) {
    return [];
  }
  return [
    `metadata.annotations[${ENFORCE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
  ];
}
