import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatusCause } from "#apimachinery";
import { validateSignerName } from "../validation/signer-name.ts";
import { parseCertificateDer, parseRequestDer } from "./der.ts";
import { pemBlocks } from "./pem.ts";
import type { CertificateSigningRequest } from "./v1/types.gen.ts";
import {
  validateCertificateSigningRequest,
  validateCertificateSigningRequestCreate,
  validateCertificateSigningRequestStatusUpdate,
  validateCertificateSigningRequestUpdate,
} from "./v1/validation.ts";
import type { ClusterTrustBundle } from "./v1beta1/types.gen.ts";
import { validateClusterTrustBundle, validateClusterTrustBundleUpdate } from "./v1beta1/validation.ts";

// made once; their keys are gone
const CA = `-----BEGIN CERTIFICATE-----
MIIBaTCCAQ+gAwIBAgIQXrR7uJHwVy569zXSLA/b0jAKBggqhkjOPQQDAjANMQsw
CQYDVQQDEwJjYTAeFw0yNjExMjEwMjEyMjVaFw0zNjExMTgwMjE3MjVaMA0xCzAJ
BgNVBAMTAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEX+UMsI7PYquF004p
Qhw6MRHQ7+al7X+GdT5GzbtS0JE8t+gqDP9o34J1cKjVwlMlepTXc1u1RowBMEfU
YJ/o9KNRME8wDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAqQwHQYDVR0O
BBYEFNos/jzLplch7bxpqeQEoAeYhiOpMA0GA1UdEQQGMASCAmNhMAoGCCqGSM49
BAMCA0gAMEUCIDSrC1UAEp3XSYi680/pcn1NB1ff+EL0REoMacJT2rUEAiEAlcsb
tWRELRjh1QCJqSH0Fohy6SdmtstMb1/K7bfzi/Q=
-----END CERTIFICATE-----
`;
const OTHER = `-----BEGIN CERTIFICATE-----
MIIBcjCCARigAwIBAgIQM6YvmjTb/3JtTLNNg0NlCzAKBggqhkjOPQQDAjAQMQ4w
DAYDVQQDEwVvdGhlcjAeFw0yNjExMjEwMjEyMjVaFw0zNjExMTgwMjE3MjVaMBAx
DjAMBgNVBAMTBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvyeRoyZX
QctylgRMbbVU9cvBki+LMCXr0zvq21ZRNDUWr97OL2p09N3KVu4Cte76I/JJC5Bj
5i2jMu6Kti1G9aNUMFIwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAqQw
HQYDVR0OBBYEFA+lF7rE3mnwXgpF9PtNj/BCA7qaMBAGA1UdEQQJMAeCBW90aGVy
MAoGCCqGSM49BAMCA0gAMEUCIQDZ+0t+06sxft8cZBKIt1bRa9Z2DsZP+Rk8GA2c
abhjrgIgMiDCpCZEjLm6wP1Fh+WaYtt5QkpALlW35BGxs5RsDDc=
-----END CERTIFICATE-----
`;
const LEAF = `-----BEGIN CERTIFICATE-----
MIIBbzCCARagAwIBAgIQJhaj4nDLEBvmzMMmSPRVBTAKBggqhkjOPQQDAjANMQsw
CQYDVQQDEwJjYTAeFw0yNjExMjEwMjEyMjVaFw0yNzExMjEwMjE3MjVaMA8xDTAL
BgNVBAMTBGxlYWYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS3C+3JpkwHdLA0
z8sSpzX7HAT6UMNwXltVQgrTYSocXnnHqHLWu/98wUQ8z9ZrLAOdG4KDhOIoZerg
xsbWEf5/o1YwVDAOBgNVHQ8BAf8EBAMCBaAwEwYDVR0lBAwwCgYIKwYBBQUHAwIw
DAYDVR0TAQH/BAIwADAfBgNVHSMEGDAWgBTaLP48y6ZXIe28aankBKAHmIYjqTAK
BggqhkjOPQQDAgNHADBEAiB5IlS1NpEJb2HiKSF097NQrCzB+hgFkoPL0M7Q2hsf
igIgaloIA8EJNOc/rqnAEi5pMSiUPktQys9yRYv4ecWV0Ug=
-----END CERTIFICATE-----
`;
const REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIHFMG4CAQAwDDEKMAgGA1UEAxMBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BDtEw+his4Se26DOTCjaSt2FIK60+dxXHVs89AnZAs/QjLOMOgjCxS9N6GkUBOWK
kHmKI7tMBAamvuYbHW13pRSgADAKBggqhkjOPQQDAgNHADBEAiA/XZsdmIbxC8Q0
eiceYqkSW6rwOWSatC1Vf0oPr/sywAIgYiuEr+IE8vYnPR3aOVShuvIU/6cXr2hu
0HZ0CADvydE=
-----END CERTIFICATE REQUEST-----
`;

const encode = (pem: string): string => Buffer.from(pem).toString("base64");
const shown = (causes: readonly StatusCause[]): readonly string[] =>
  causes.map(({ field, message }) => `${field}: ${message}`);

test("pemBlocks passes over what is no block, and sees headers", () => {
  const blocks = pemBlocks(`noise\n${CA}more ${CA}\n-----BEGIN A-----\nk: v\n\nAAAA\n-----END A-----\n`);
  assert.deepEqual(
    blocks.map(({ type, hasHeaders, der }) => [type, hasHeaders, der.length > 2]),
    [
      ["CERTIFICATE", false, true],
      ["A", true, true],
    ],
  );
  assert.deepEqual(pemBlocks("-----BEGIN A-----\n????\n-----END A-----\n-----BEGIN B-----"), []);
});

test("parseCertificateDer and parseRequestDer tell certificates from requests, and cut ones from whole ones", () => {
  const [ca, leaf, request] = [CA, LEAF, REQUEST].map((pem) => pemBlocks(pem)[0]!.der);
  assert.equal(parseCertificateDer(ca!)?.isCa, true);
  assert.equal(parseCertificateDer(leaf!)?.isCa, false);
  assert.equal(parseCertificateDer(request!), undefined);
  assert.equal(parseRequestDer(ca!), undefined);
  assert.equal(parseRequestDer(request!)?.algorithm, "1.2.840.10045.4.3.2");
  for (let length = 0; length < ca!.length; length++)
    assert.equal(parseCertificateDer(ca!.subarray(0, length)), undefined);
});

for (const [name, want] of [
  ["", "f: Required value"],
  ["a", "must be a fully qualified domain and path of the form 'example.com/signer-name'"],
  ["a.b/c/d", "must be a fully qualified domain and path"],
  ["nodots/x", "should be a domain with at least two segments separated by dots"],
  ["A.b/x", 'validating label "A": a lowercase RFC 1123 label'],
  ["a.b/X", 'validating label "X": a lowercase RFC 1123 subdomain'],
] as const)
  test(`validateSignerName refuses ${JSON.stringify(name)}`, () =>
    assert.ok(shown(validateSignerName(name, "f"))[0]!.includes(want)));

test("validateSignerName takes the built-in signers", () =>
  assert.deepEqual(validateSignerName("kubernetes.io/kube-apiserver-client-kubelet", "f"), []));

type Spec = CertificateSigningRequest["spec"];

function csr(
  spec: Partial<Spec> = {},
  status?: CertificateSigningRequest["status"],
): CertificateSigningRequest {
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "r" },
    spec: { request: encode(REQUEST), signerName: "a.b/c", usages: ["client auth"], ...spec },
    ...(status !== undefined && { status }),
  };
}

test("validateCertificateSigningRequest takes a request and names what is wrong with another", () => {
  assert.deepEqual(validateCertificateSigningRequest(csr()), []);
  const bad = csr({ request: encode(CA), usages: ["magic", "any", "any"], expirationSeconds: 599 });
  const [request, usage, twice, seconds] = shown(validateCertificateSigningRequest(bad));
  assert.match(request!, /PEM block type must be CERTIFICATE REQUEST/);
  assert.match(usage!, /^spec.usages\[0\]: Unsupported value: "magic": supported values: "any", "cert sign"/);
  assert.match(twice!, /^spec.usages\[2\]: Duplicate value: "any"/);
  assert.match(seconds!, /may not specify a duration less than 600 seconds \(10 minutes\)/);
  const legacy = validateCertificateSigningRequestCreate(csr({ signerName: "kubernetes.io/legacy-unknown" }));
  assert.match(shown(legacy)[0]!, /the legacy signerName is not allowed via this API version/);
});

const approved = { type: "Approved", status: "True" };
const denied = { type: "Denied", status: "True" };
const failed = { type: "Failed", status: "True" };

for (const { what, old, now, want } of [
  { what: "a certificate", old: {}, now: { certificate: encode(LEAF) }, want: [] as string[] },
  {
    what: "a certificate that is none",
    old: {},
    now: { certificate: encode(REQUEST) },
    want: ['only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"'],
  },
  {
    what: "another certificate",
    old: { certificate: encode(LEAF) },
    now: { certificate: encode(CA) },
    want: ["updates may not modify existing certificate content"],
  },
  {
    what: "a verdict",
    old: {},
    now: { conditions: [approved] },
    want: ['updates may not add a condition of type "Approved"'],
  },
  {
    what: "the loss of a failure",
    old: { conditions: [failed] },
    now: {},
    want: ['updates may not remove a condition of type "Failed"'],
  },
])
  test(`validateCertificateSigningRequestStatusUpdate judges ${what}`, () => {
    const messages = shown(validateCertificateSigningRequestStatusUpdate(csr({}, now), csr({}, old)));
    assert.equal(messages.length, want.length);
    want.forEach((text, i) => assert.ok(messages[i]!.includes(text), messages[i]!));
  });

test("validateCertificateSigningRequestUpdate keeps verdicts, and both at once are refused", () => {
  const gone = validateCertificateSigningRequestUpdate(csr(), csr({}, { conditions: [denied] }));
  assert.match(shown(gone)[0]!, /updates may not remove a condition of type "Denied"/);
  const both = validateCertificateSigningRequest(csr({}, { conditions: [approved, denied] }));
  assert.match(shown(both)[0]!, /"Denied": Approved and Denied conditions are mutually exclusive/);
});

function bundle(name: string, trustBundle: string, signerName?: string): ClusterTrustBundle {
  return {
    apiVersion: "certificates.k8s.io/v1beta1",
    kind: "ClusterTrustBundle",
    metadata: { name },
    spec: { trustBundle, ...(signerName !== undefined && { signerName }) },
  };
}

for (const { what, object, want } of [
  { what: "one without signer", object: bundle("roots", `${CA}${OTHER}`), want: [] as string[] },
  { what: "one of a signer", object: bundle("a.b:c:v1", CA, "a.b/c"), want: [] as string[] },
  {
    what: "a signer's name without signer",
    object: bundle("a.b:c", CA),
    want: ['ClusterTrustBundle without signer name must not have ":" in its name'],
  },
  {
    what: "another signer's name",
    object: bundle("a.b:d:v1", CA, "a.b/c"),
    want: ["ClusterTrustBundle for signerName a.b/c must be named with prefix a.b:c:"],
  },
  { what: "nothing", object: bundle("x", "text"), want: ["at least one trust anchor must be provided"] },
  { what: "a leaf", object: bundle("x", LEAF), want: ["entry 0 does not have the CA bit set"] },
  {
    what: "a request",
    object: bundle("x", `${CA}${REQUEST}`),
    want: ["entry 1 has bad block type: CERTIFICATE REQUEST"],
  },
  {
    what: "the same twice",
    object: bundle("x", `${CA}${OTHER}${CA}`),
    want: ["duplicate trust anchor (indices [0 2])"],
  },
])
  test(`validateClusterTrustBundle judges ${what}`, () => {
    const messages = shown(validateClusterTrustBundle(object));
    assert.equal(messages.length, want.length, messages.join("\n"));
    want.forEach((text, i) => assert.ok(messages[i]!.includes(text), messages[i]!));
  });

test("validateClusterTrustBundleUpdate keeps the signer", () => {
  const causes = validateClusterTrustBundleUpdate(bundle("a.b:c:v1", CA), bundle("a.b:c:v1", CA, "a.b/c"));
  assert.match(shown(causes)[0]!, /spec.signerName: .*field is immutable/);
});
