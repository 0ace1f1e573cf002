/** Address families of a Service in a cluster that has IPv4 alone. Pure. @module */
import { field, invalid } from "#apimachinery";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";

const IPV4 = "IPv4";
const DUAL = "RequireDualStack";

export function planIpFamilies(service: Service): ServiceSpec {
  const spec = service.spec!;
  const isHeadless = (spec.clusterIP ?? spec.clusterIPs?.[0]) === "None";
  const policy = spec.ipFamilyPolicy ?? "";
  const families = spec.ipFamilies ?? [];
  // Whoever writes the endpoints of such a service himself may use both families.
  if (isHeadless && Object.keys(spec.selector ?? {}).length === 0) {
    const first = families[0] ?? IPV4;
    const isSingle = policy === "SingleStack" || (policy === "" && families.length === 1);
    if (isSingle) return { ...spec, ipFamilyPolicy: "SingleStack", ipFamilies: [first] };
    const second = first === IPV4 ? "IPv6" : IPV4;
    return { ...spec, ipFamilyPolicy: policy === "" ? DUAL : policy, ipFamilies: [first, second] };
  }
  const causes = [
    ...(policy === DUAL
      ? [
          field.invalid(
            "spec.ipFamilyPolicy",
            policy,
            "this cluster is not configured for dual-stack services",
          ),
        ]
      : []),
    ...families.flatMap((family, i) =>
      family === IPV4
        ? []
        : [field.invalid(`spec.ipFamilies[${i}]`, family, "not configured on this cluster")],
    ),
  ];
  if (causes.length > 0) throw invalid({ group: "", kind: "Service" }, service.metadata.name, causes);
  return { ...spec, ipFamilies: [IPV4], ipFamilyPolicy: policy === "" ? "SingleStack" : policy };
}
