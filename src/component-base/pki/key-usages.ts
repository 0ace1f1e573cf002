/** Key usages in the words of the certificates API, and what they are in a certificate. @module */
import { ExtendedKeyUsage, KeyUsageFlags } from "./x509.ts";

const KEY_USAGES: Readonly<Record<string, KeyUsageFlags>> = {
  signing: KeyUsageFlags.digitalSignature,
  "digital signature": KeyUsageFlags.digitalSignature,
  "content commitment": KeyUsageFlags.nonRepudiation,
  "key encipherment": KeyUsageFlags.keyEncipherment,
  "key agreement": KeyUsageFlags.keyAgreement,
  "data encipherment": KeyUsageFlags.dataEncipherment,
  "cert sign": KeyUsageFlags.keyCertSign,
  "crl sign": KeyUsageFlags.cRLSign,
  "encipher only": KeyUsageFlags.encipherOnly,
  "decipher only": KeyUsageFlags.decipherOnly,
};

/** In the order in which a certificate lists them. */
const EXTENDED_KEY_USAGES: Readonly<Record<string, string>> = {
  any: "2.5.29.37.0",
  "server auth": ExtendedKeyUsage.serverAuth,
  "client auth": ExtendedKeyUsage.clientAuth,
  "code signing": ExtendedKeyUsage.codeSigning,
  "email protection": ExtendedKeyUsage.emailProtection,
  "s/mime": ExtendedKeyUsage.emailProtection,
  "ipsec end system": "1.3.6.1.5.5.7.3.5",
  "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
  "ipsec user": "1.3.6.1.5.5.7.3.7",
  timestamping: ExtendedKeyUsage.timeStamping,
  "ocsp signing": ExtendedKeyUsage.ocspSigning,
  "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
  "netscape sgc": "2.16.840.1.113730.4.1",
};

export interface KeyUsageSet {
  /** Bits of the key usage extension; 0: it is left out. */
  readonly flags: number;
  /** Object identifiers. */
  readonly extended: readonly string[];
}

/** Throws for words that the API does not know. */
export function keyUsagesFromStrings(usages: readonly string[]): KeyUsageSet {
  const unrecognized = usages.filter((usage) => !(usage in KEY_USAGES) && !(usage in EXTENDED_KEY_USAGES));
  if (unrecognized.length > 0) {
    throw new Error(
      `unrecognized usage values: [${unrecognized.map((usage) => JSON.stringify(usage)).join(" ")}]`,
    );
  }
  const extended = Object.entries(EXTENDED_KEY_USAGES).filter(([usage]) => usages.includes(usage));
  return {
    flags: usages.reduce<number>((flags, usage) => flags | (KEY_USAGES[usage] ?? 0), 0),
    extended: [...new Set(extended.map(([, oid]) => oid))],
  };
}
