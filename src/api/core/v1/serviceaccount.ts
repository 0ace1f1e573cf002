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
  columns: nameAndAge,
};
