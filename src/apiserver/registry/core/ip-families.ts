/** Address families of a Service: what is inferred, added and refused; upstream's initIPFamilyFields. Pure. @module */
import { field, invalid } from "#apimachinery";
import { validateClusterIps } from "#api/core/v1/service-cluster-ips";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import { familyOf } from "#api/validation/ip-range";
import type { IpFamily } from "#api/validation/ip";
import { HEADLESS } from "./service-holding.ts";

type Cause = ReturnType<typeof field.invalid>;

const POLICY_PATH = "spec.ipFamilyPolicy";
const PREFER_DUAL = "PreferDualStack";
const DUAL = "RequireDualStack";
const SINGLE = "SingleStack";

/** `configured`: the families of the cluster, its default one first. `old`: in an update, what is stored. */
export function planIpFamilies(
  service: Service,
  old: Service | undefined,
  configured: readonly IpFamily[],
): ServiceSpec {
  const before = old?.spec === undefined ? undefined : withKnownFamilies(old.spec);
  const given = service.spec!;
  if (isSamePreferDual(given, before)) return given;
  const refuse = (causes: readonly Cause[]): void => {
    if (causes.length > 0) throw invalid({ group: "", kind: "Service" }, service.metadata.name, causes);
  };
  const policy = given.ipFamilyPolicy ?? before?.ipFamilyPolicy ?? defaultPolicy(given);
  let spec: ServiceSpec = { ...given, ipFamilyPolicy: policy };
  refuse(validateClusterIps(spec, before?.clusterIPs));
  if (before !== undefined && policy === SINGLE) spec = withoutSecond(spec, before);
  const inferred = inferFamilies(spec, configured);
  refuse([...released(spec, before), ...manyInSingle(spec), ...inferred.causes]);
  const families = inferred.families.length > 0 ? inferred.families : configured.slice(0, 1);
  // Whoever writes the endpoints of such a service himself may use both families in any cluster.
  if (isFree(spec)) return { ...spec, ipFamilies: policy === SINGLE ? families : withOther(families) };
  refuse(unconfigured(policy, inferred.families, configured));
  const isDual = policy !== SINGLE && configured.length === 2;
  return { ...spec, ipFamilies: isDual ? withOther(families) : families };
}

/** Such a service stays as it is when the cluster changes to or from dual stack. */
export function isSamePreferDual(spec: ServiceSpec, old: ServiceSpec | undefined): boolean {
  return (
    old !== undefined &&
    spec.type === old.type &&
    spec.type !== "ExternalName" &&
    spec.ipFamilyPolicy === PREFER_DUAL &&
    (old.ipFamilyPolicy ?? PREFER_DUAL) === PREFER_DUAL &&
    same(spec.clusterIPs, old.clusterIPs) &&
    same(spec.ipFamilies, old.ipFamilies)
  );
}

/** What was stored before there were families says its family by its addresses. */
function withKnownFamilies(spec: ServiceSpec): ServiceSpec {
  const ips = spec.clusterIPs ?? [];
  if ((spec.ipFamilies ?? []).length > 0 || ips.length === 0 || ips[0] === HEADLESS) return spec;
  return { ...spec, ipFamilies: ips.map(familyOf), ipFamilyPolicy: ips.length === 1 ? SINGLE : DUAL };
}

function defaultPolicy(spec: ServiceSpec): string {
  return isFree(spec) ? DUAL : SINGLE;
}

/** Headless, and without a selector. */
function isFree({ clusterIP, selector = {} }: ServiceSpec): boolean {
  return clusterIP === HEADLESS && Object.keys(selector).length === 0;
}

/** The policy alone says clearly enough that the second address and family are to go. */
function withoutSecond(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const { clusterIPs = [], ipFamilies = [] } = spec;
  return {
    ...spec,
    ...(same(clusterIPs, old.clusterIPs) && clusterIPs.length > 1 && { clusterIPs: clusterIPs.slice(0, 1) }),
    ...(same(ipFamilies, old.ipFamilies) && ipFamilies.length > 1 && { ipFamilies: ipFamilies.slice(0, 1) }),
  };
}

function released(spec: ServiceSpec, old: ServiceSpec | undefined): readonly Cause[] {
  if (old === undefined || spec.ipFamilyPolicy === SINGLE) return [];
  const isLess = (name: "clusterIPs" | "ipFamilies"): boolean => {
    const count = spec[name]?.length ?? 0;
    return count > 0 && count < (old[name]?.length ?? 0);
  };
  const refused = (what: string): Cause =>
    field.invalid(POLICY_PATH, spec.ipFamilyPolicy, `must be 'SingleStack' to release the secondary ${what}`);
  return [
    ...(isLess("clusterIPs") ? [refused("cluster IP")] : []),
    ...(isLess("ipFamilies") ? [refused("IP family")] : []),
  ];
}

function manyInSingle({ ipFamilyPolicy, clusterIPs = [], ipFamilies = [] }: ServiceSpec): readonly Cause[] {
  if (ipFamilyPolicy !== SINGLE) return [];
  const refused = (what: string): Cause => {
    const message = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
    return field.invalid(POLICY_PATH, ipFamilyPolicy, message);
  };
  return [
    ...(clusterIPs.length === 2 ? [refused("cluster IPs")] : []),
    ...(ipFamilies.length === 2 ? [refused("IP families")] : []),
  ];
}

/** Families that addresses say and the user did not. */
function inferFamilies(
  { clusterIPs = [], ipFamilies = [] }: ServiceSpec,
  configured: readonly IpFamily[],
): { readonly families: readonly string[]; readonly causes: readonly Cause[] } {
  if (clusterIPs[0] === HEADLESS) return { families: ipFamilies, causes: [] };
  const families = [...ipFamilies];
  const causes: Cause[] = [];
  for (const [i, ip] of clusterIPs.entries()) {
    if (i < families.length) continue;
    const family = familyOf(ip);
    if (configured.includes(family)) families.push(family);
    else
      causes.push(
        field.invalid(`spec.clusterIPs[${i}]`, clusterIPs, `${family} is not configured on this cluster`),
      );
  }
  return { families, causes };
}

function unconfigured(
  policy: string,
  families: readonly string[],
  configured: readonly IpFamily[],
): readonly Cause[] {
  const message = "this cluster is not configured for dual-stack services";
  return [
    ...(policy === DUAL && configured.length < 2 ? [field.invalid(POLICY_PATH, policy, message)] : []),
    ...families.flatMap((family, i) =>
      configured.some((one) => one === family)
        ? []
        : [field.invalid(`spec.ipFamilies[${i}]`, family, "not configured on this cluster")],
    ),
  ];
}

function withOther(families: readonly string[]): readonly string[] {
  if (families.length !== 1) return families;
  return [families[0]!, families[0] === "IPv4" ? "IPv6" : "IPv4"];
}

function same(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
