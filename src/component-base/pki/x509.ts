/** The X.509 library, with the polyfill it wants; the only file that imports either. @module */
// oxlint-disable-next-line import/no-unassigned-import -- it must run before the library is loaded
import "reflect-metadata/lite";

export {
  BasicConstraintsExtension,
  AuthorityKeyIdentifierExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
export type { Extension, JsonName } from "@peculiar/x509";
