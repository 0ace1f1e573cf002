/** Reads DER just far enough to say whether bytes are a certificate or a certificate request, and where their parts are. @module */

/** One tag-length-value. */
export interface Der {
  readonly tag: number;
  /** With tag and length. */
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
}

/** What a signer signed, and how. */
export interface Signed {
  readonly toBeSigned: Der;
  /** Dotted object identifier. */
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

export interface ParsedRequest extends Signed {
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
}

export interface ParsedCertificate extends Signed {
  /** Undefined: the certificate has no basic constraints. */
  readonly isCa: boolean | undefined;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Of the subject's alternative names. */
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
}

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const SEQUENCE = 0x30;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const EMAIL_NAME = 0x81;
const DNS_NAME = 0x82;
const BASIC_CONSTRAINTS = "2.5.29.19";
const ALTERNATIVE_NAMES = "2.5.29.17";
const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
/** Lengths of more bytes than this are of no certificate. */
const LENGTH_BYTES_MAX = 4;

/** PKCS #10. Undefined: it is none. */
export function parseRequestDer(der: Uint8Array): ParsedRequest | undefined {
  const signed = signedOf(der);
  if (signed === undefined) return undefined;
  const [version, subject, publicKey] = childrenOf(signed.toBeSigned.content) ?? [];
  if (version?.tag !== INTEGER || subject?.tag !== SEQUENCE || publicKey?.tag !== SEQUENCE) return undefined;
  return { ...signed, publicKey: publicKey.raw };
}

/** X.509. Undefined: it is none. */
export function parseCertificateDer(der: Uint8Array): ParsedCertificate | undefined {
  const signed = signedOf(der);
  const parts = signed && childrenOf(signed.toBeSigned.content);
  if (signed === undefined || parts === undefined) return undefined;
  const [serial, algorithm, issuer, validity, subject, publicKey] =
    parts[0]?.tag === VERSION ? parts.slice(1) : parts;
  const sequences = [algorithm, issuer, validity, subject, publicKey];
  if (serial?.tag !== INTEGER || sequences.some((part) => part?.tag !== SEQUENCE)) return undefined;
  const extensions = parts.find(({ tag }) => tag === EXTENSIONS);
  const list = extensions === undefined ? [] : childrenOf(first(extensions.content)?.content);
  const [notBeforeMs, notAfterMs] = (childrenOf(validity!.content) ?? []).map(timeOf);
  if (list === undefined || notBeforeMs === undefined || notAfterMs === undefined) return undefined;
  const names = childrenOf(extensionOf(list, ALTERNATIVE_NAMES)?.content) ?? [];
  const namesOf = (tag: number): readonly string[] =>
    names.filter((name) => name.tag === tag).map(({ content }) => latin1(content));
  return {
    ...signed,
    isCa: isCaOf(list),
    publicKey: publicKey!.raw,
    notBeforeMs,
    notAfterMs,
    dnsNames: namesOf(DNS_NAME),
    emailAddresses: namesOf(EMAIL_NAME),
  };
}

/** What an extension says, if that is a sequence. */
function extensionOf(extensions: readonly Der[], wanted: string): Der | undefined {
  for (const extension of extensions) {
    const parts = childrenOf(extension.content) ?? [];
    const [id, value] = [parts[0], parts.at(-1)];
    if (id?.tag !== OBJECT_IDENTIFIER || oidOf(id.content) !== wanted) continue;
    const content = value?.tag === OCTET_STRING ? first(value.content) : undefined;
    return content?.tag === SEQUENCE ? content : undefined;
  }
  return undefined;
}

function isCaOf(extensions: readonly Der[]): boolean | undefined {
  const constraints = extensionOf(extensions, BASIC_CONSTRAINTS);
  if (constraints === undefined) return undefined;
  const ca = first(constraints.content);
  return ca?.tag === BOOLEAN && ca.content[0] !== 0;
}

/** RFC 5280: years of two digits below 50 are of this century. */
function timeOf({ tag, content }: Der): number | undefined {
  const text = latin1(content);
  const long = tag === UTC_TIME ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  const parts = TIME.exec(long);
  if (parts === null || (tag !== UTC_TIME && tag !== GENERALIZED_TIME)) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function signedOf(der: Uint8Array): Signed | undefined {
  const whole = first(der);
  if (whole?.tag !== SEQUENCE || whole.raw.length !== der.length) return undefined;
  const [toBeSigned, algorithm, signature, ...more] = childrenOf(whole.content) ?? [];
  const oid = algorithm === undefined ? undefined : first(algorithm.content);
  const isWhole = toBeSigned?.tag === SEQUENCE && oid?.tag === OBJECT_IDENTIFIER && more.length === 0;
  if (!isWhole || signature?.tag !== BIT_STRING) return undefined;
  return { toBeSigned, algorithm: oidOf(oid.content), signature: signature.content.subarray(1) };
}

/** Undefined: the bytes are no sequence of values. */
export function childrenOf(content: Uint8Array | undefined): readonly Der[] | undefined {
  const children: Der[] = [];
  for (let rest = content; rest !== undefined && rest.length > 0;) {
    const child = first(rest);
    if (child === undefined) return undefined;
    children.push(child);
    rest = rest.subarray(child.raw.length);
  }
  return content === undefined ? undefined : children;
}

export function first(bytes: Uint8Array): Der | undefined {
  const [tag, short] = bytes;
  if (tag === undefined || short === undefined) return undefined;
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  if (lengthBytes > LENGTH_BYTES_MAX || short === 0x80 || bytes.length < 2 + lengthBytes) return undefined;
  const length =
    lengthBytes === 0 ? short : bytes.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  const start = 2 + lengthBytes;
  if (start + length > bytes.length) return undefined;
  return { tag, raw: bytes.subarray(0, start + length), content: bytes.subarray(start, start + length) };
}

export function oidOf(content: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0)
      arcs.push(Math.min(Math.floor(value / 40), 2), value - 40 * Math.min(Math.floor(value / 40), 2));
    else arcs.push(value);
    value = 0;
  }
  return arcs.join(".");
}
