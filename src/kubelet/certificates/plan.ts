/** When a certificate is to be renewed, and whether it says what is wanted. Pure. @module */
import { isIP } from "node:net";
import type { X509Certificate } from "node:crypto";
import type { NodeAddress } from "#api/core/v1/types.gen";

/** What a certificate is requested for. */
export interface CertificateTemplate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

const NODES = "system:nodes";
/** Between these parts of its life; nodes of one age must not all come at once. */
const EARLIEST = 0.7;
const SPREAD = 0.2;

/** `random` in [0, 1). */
export function rotationDeadlineMs(
  { validFromDate, validToDate }: Pick<X509Certificate, "validFromDate" | "validToDate">,
  random: number,
): number {
  const life = validToDate.getTime() - validFromDate.getTime();
  return validFromDate.getTime() + life * (EARLIEST + SPREAD * random);
}

/** Whether the certificate has all that is wanted; it may have more. */
export function satisfies(leaf: X509Certificate, wanted: CertificateTemplate): boolean {
  const { subject } = leaf.toLegacyObject() as unknown as {
    readonly subject: Readonly<Record<string, string | readonly string[] | undefined>>;
  };
  const values = (name: string): readonly string[] => [subject[name] ?? []].flat();
  const { dnsNames = [], ipAddresses = [] } = wanted;
  return (
    values("CN").at(-1) === wanted.commonName &&
    wanted.organizations.every((organization) => values("O").includes(organization)) &&
    dnsNames.every((name) => leaf.checkHost(name, { subject: "never" }) !== undefined) &&
    ipAddresses.every((ip) => leaf.checkIP(ip) !== undefined)
  );
}

export function clientTemplate(nodeName: string): CertificateTemplate {
  return { commonName: `system:node:${nodeName}`, organizations: [NODES] };
}

/** Undefined: the node has no address yet, and a certificate of names alone is not asked for. */
export function servingTemplate(
  nodeName: string,
  addresses: readonly NodeAddress[],
): CertificateTemplate | undefined {
  const names = new Set<string>();
  const ips = new Set<string>();
  for (const { type, address } of addresses) {
    if (address === "") continue;
    if (isIP(address) !== 0) {
      if (type === "Hostname" || type.endsWith("IP")) ips.add(address);
    } else if (type === "Hostname" || type.endsWith("DNS")) names.add(address);
  }
  if (ips.size === 0) return undefined;
  return {
    ...clientTemplate(nodeName),
    dnsNames: [...names].toSorted(),
    ipAddresses: [...ips].toSorted(),
  };
}
