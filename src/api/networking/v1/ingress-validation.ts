/** Rules for Ingresses. @module */
import {
  field,
  isDns1123Label,
  isDns1123Subdomain,
  isPortName,
  isPortNumber,
  isWildcardDns1123Subdomain,
} from "#apimachinery";
import { each, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { warningsForIp } from "../../validation/address-warnings.ts";
import { parseIp, validIpLegacy } from "../../validation/ip.ts";
import { validateTypedReference } from "../../validation/references.ts";
import type { HTTPIngressPath, Ingress, IngressBackend } from "./types.gen.ts";

const PATH_TYPES: readonly string[] = ["Exact", "ImplementationSpecific", "Prefix"];
const BAD_SEQUENCES: readonly string[] = ["//", "/./", "/../", "%2f", "%2F"];
const BAD_SUFFIXES: readonly string[] = ["/..", "/."];

const CLASS_ANNOTATION = "kubernetes.io/ingress.class";

/** Names of secrets, and paths under a wildcard host, that were stored before they were checked are kept. */
export function validateIngress({ spec = {} }: Ingress, old?: Ingress): Causes {
  const { rules = [], defaultBackend, tls, ingressClassName } = spec;
  const anySecret = old?.spec?.tls?.some(({ secretName }) => validateSecret(secretName, "").length > 0);
  const anyWildcard = old?.spec?.rules?.some(
    ({ host = "", http }) =>
      host.includes("*") && http !== undefined && validatePaths(http.paths, "").length > 0,
  );
  const isEmpty = rules.length === 0 && defaultBackend === undefined;
  return [
    ...(isEmpty
      ? [field.invalid("spec", spec.rules, "either `defaultBackend` or `rules` must be specified")]
      : NONE),
    ...(defaultBackend === undefined ? NONE : validateBackend(defaultBackend, "spec.defaultBackend")),
    ...each(rules, "spec.rules", (rule, at) => [
      ...validateRuleHost(rule.host ?? "", field.child(at, "host")),
      ...(rule.http === undefined || (anyWildcard === true && (rule.host ?? "").includes("*"))
        ? NONE
        : validatePaths(rule.http.paths, field.child(at, "http", "paths"))),
    ]),
    ...each(tls, "spec.tls", (entry, at) => [
      ...each(entry.hosts, field.child(at, "hosts"), validateHost),
      ...(anySecret === true ? NONE : validateSecret(entry.secretName, field.child(at, "secretName"))),
    ]),
    ...(ingressClassName === undefined
      ? NONE
      : obeys(isDns1123Subdomain, ingressClassName, "spec.ingressClassName")),
  ];
}

function validateSecret(name: string | undefined, path: string): Causes {
  return name ? obeys(isDns1123Subdomain, name, path) : NONE;
}

export function validateIngressCreate({ metadata, spec }: Ingress): Causes {
  const annotation = metadata.annotations?.[CLASS_ANNOTATION];
  const name = spec?.ingressClassName;
  if (annotation === undefined || name === undefined || annotation === name) return NONE;
  const message = "must match `ingressClassName` when both are specified";
  return [field.invalid(`annotations.${CLASS_ANNOTATION}`, annotation, message)];
}

export function validateIngressStatusUpdate({ status }: Ingress, old: Ingress): Causes {
  const known = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  const path = "status.loadBalancer.ingress";
  return each(status?.loadBalancer?.ingress, path, ({ ip = "", hostname = "" }, at) => {
    const hostPath = field.child(at, "hostname");
    return [
      ...(ip === "" ? NONE : validIpLegacy(ip, field.child(at, "ip"), known)),
      ...(hostname === "" ? NONE : obeys(isDns1123Subdomain, hostname, hostPath)),
      ...(parseIp(hostname) === undefined
        ? NONE
        : [field.invalid(hostPath, hostname, "must be a DNS name, not an IP address")]),
    ];
  });
}

export function ingressWarnings(
  { metadata, spec, status }: Ingress,
  old: Ingress | undefined,
  subresource: string,
): readonly string[] {
  if (subresource === "status") {
    return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) =>
      ip ? warningsForIp(ip, `status.loadBalancer.ingress[${i}]`) : [],
    );
  }
  const isOldStyle = metadata.annotations?.[CLASS_ANNOTATION] !== undefined;
  if (old !== undefined || !isOldStyle || spec?.ingressClassName !== undefined) return [];
  return [`annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`];
}

function validateRuleHost(host: string, path: string): Causes {
  if (host === "") return NONE;
  const isIp = parseIp(host) !== undefined;
  return [
    ...(isIp ? [field.invalid(path, host, "must be a DNS name, not an IP address")] : NONE),
    ...validateHost(host, path),
  ];
}

function validateHost(host: string, path: string): Causes {
  return obeys(host.includes("*") ? isWildcardDns1123Subdomain : isDns1123Subdomain, host, path);
}

function validatePaths(paths: readonly HTTPIngressPath[], path: string): Causes {
  if (paths.length === 0) return [field.required(path)];
  return each(paths, path, ({ path: target = "", pathType, backend }, at) => {
    const typePath = field.child(at, "pathType");
    if (!pathType) return [field.required(typePath, "pathType must be specified")];
    return [
      ...oneOf(pathType, PATH_TYPES, typePath),
      ...validateTarget(target, pathType, field.child(at, "path")),
      ...validateBackend(backend, field.child(at, "backend")),
    ];
  });
}

function validateTarget(target: string, type: string, path: string): Causes {
  const absolute = target.startsWith("/") || (type === "ImplementationSpecific" && target === "");
  const strict = type === "Exact" || type === "Prefix";
  if (!strict && type !== "ImplementationSpecific") return NONE;
  return [
    ...(absolute ? NONE : [field.invalid(path, target, "must be an absolute path")]),
    ...BAD_SEQUENCES.filter((sequence) => strict && target.includes(sequence)).map((sequence) =>
      field.invalid(path, target, `must not contain '${sequence}'`),
    ),
    ...BAD_SUFFIXES.filter((suffix) => strict && target.endsWith(suffix)).map((suffix) =>
      field.invalid(path, target, `cannot end with '${suffix}'`),
    ),
  ];
}

function validateBackend({ resource, service }: IngressBackend, path: string): Causes {
  if (resource !== undefined && service !== undefined) {
    return [field.invalid(path, "", "cannot set both resource and service backends")];
  }
  if (resource !== undefined) return validateTypedReference(resource, field.child(path, "resource"));
  if (service === undefined) return [field.invalid(path, "", "resource or service backend is required")];
  const namePath = field.child(path, "service", "name");
  return [
    ...(service.name === "" ? [field.required(namePath)] : obeys(isDns1123Label, service.name, namePath)),
    ...validateBackendPort(service.port?.name ?? "", service.port?.number ?? 0, path),
  ];
}

function validateBackendPort(name: string, number: number, path: string): Causes {
  const at = field.child(path, "service", "port");
  if (name !== "" && number !== 0)
    return [field.invalid(path, "", "cannot set both port name & port number")];
  if (name !== "") return obeys(isPortName, name, field.child(at, "name"));
  if (number === 0) return [field.required(path, "port name or number is required")];
  return isPortNumber(number).map((message) => field.invalid(field.child(at, "number"), number, message));
}
