/** Ingress routes HTTP from outside to services. @module */
import type { Kind } from "#apimachinery";
import { sorted } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import {
  ingressWarnings,
  validateIngress,
  validateIngressCreate,
  validateIngressStatusUpdate,
} from "./ingress-validation.ts";
import type { Ingress } from "./types.gen.ts";

export const Ingresses: Kind<Ingress> = {
  group: "networking.k8s.io",
  version: "v1",
  kind: "Ingress",
  names: { plural: "ingresses", singular: "ingress", short: ["ing"] },
  scope: "Namespaced",
  subresources: ["status"],
  validate: validateIngress,
  validateCreate: validateIngressCreate,
  validateStatusUpdate: validateIngressStatusUpdate,
  strategy: { warnings: ingressWarnings },
  columns: [
    nameColumn,
    text("Class", (ingress) => ingress.spec?.ingressClassName ?? "<none>"),
    text("Hosts", hosts),
    text("Address", address),
    text("Ports", (ingress) => ((ingress.spec?.tls?.length ?? 0) > 0 ? "80, 443" : "80")),
    ageColumn,
  ],
};

const HOSTS_SHOWN_MAX = 3;

function hosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const named: string[] = [];
  let more = false;
  for (const { host = "" } of rules) {
    if (named.length === HOSTS_SHOWN_MAX) more = true;
    if (!more && host !== "") named.push(host);
  }
  if (named.length === 0) return "*";
  return more ? `${named.join(",")} + ${rules.length - HOSTS_SHOWN_MAX} more...` : named.join(",");
}

function address({ status }: Ingress): string {
  const addresses = (status?.loadBalancer?.ingress ?? []).map((i) => i.ip || (i.hostname ?? ""));
  return sorted(new Set(addresses.filter((a) => a !== ""))).join(",");
}
