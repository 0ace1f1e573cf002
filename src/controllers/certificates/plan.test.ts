import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import type { SubjectInfo } from "#component-base/pki";
import {
  awaitsSigner,
  certificateTtlMs,
  isPending,
  KUBE_APISERVER_CLIENT,
  KUBELET_CLIENT,
  KUBELET_SERVING,
  recognize,
  recognizeNodeComponent,
  removeAtMs,
  signerProblem,
} from "./plan.ts";

const NODE: SubjectInfo = {
  commonName: "system:node:n",
  organizations: ["system:nodes"],
  dnsNames: [],
  ipAddresses: [],
  emailAddresses: [],
  uris: [],
};
const CLIENT = ["digital signature", "client auth"];
const SERVING = ["digital signature", "key encipherment", "server auth"];
const HOUR_MS = 3_600_000;
const CREATED = "2026-01-01T00:00:00Z";
const CREATED_MS = Date.parse(CREATED);

type Spec = Partial<CertificateSigningRequest["spec"]>;

function csr(spec: Spec, status?: CertificateSigningRequest["status"]): CertificateSigningRequest {
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "r", creationTimestamp: CREATED },
    spec: { request: "", signerName: KUBELET_CLIENT, usages: CLIENT, ...spec },
    ...(status !== undefined && { status }),
  };
}

for (const { what, spec, subject, want } of [
  {
    what: "a node that renews",
    spec: { username: "system:node:n" },
    subject: {},
    want: ["selfnodeclient", "nodeclient"],
  },
  {
    what: "a bootstrap token",
    spec: { username: "system:bootstrap:abcdef" },
    subject: {},
    want: ["nodeclient"],
  },
  { what: "a serving certificate", spec: { signerName: KUBELET_SERVING }, subject: {}, want: [] },
  {
    what: "another group",
    spec: {},
    subject: { organizations: ["system:nodes", "system:masters"] },
    want: [],
  },
  { what: "usages beyond a client's", spec: { usages: [...CLIENT, "server auth"] }, subject: {}, want: [] },
])
  test(`recognize: ${what}`, () => {
    const found = recognize(csr(spec), { ...NODE, ...subject });
    assert.deepEqual(
      found.map(({ subresource }) => subresource),
      want,
    );
  });

for (const { spec, subject, want } of [
  { spec: {}, subject: {}, want: undefined },
  { spec: { usages: ["key encipherment", ...CLIENT] }, subject: {}, want: undefined },
  { spec: {}, subject: { organizations: [] }, want: "subject organization is not system:nodes" },
  { spec: {}, subject: { dnsNames: ["n"] }, want: "DNS subjectAltNames are not allowed" },
  { spec: {}, subject: { ipAddresses: ["10.0.0.1"] }, want: "IP subjectAltNames are not allowed" },
  { spec: {}, subject: { emailAddresses: ["a@b"] }, want: "Email subjectAltNames are not allowed" },
  { spec: {}, subject: { uris: ["spiffe://x"] }, want: "URI subjectAltNames are not allowed" },
  { spec: {}, subject: { commonName: "n" }, want: "subject common name does not begin with system:node:" },
  {
    spec: { usages: SERVING },
    subject: {},
    want: "usages did not match [client auth digital signature key encipherment]",
  },
  {
    spec: { signerName: KUBELET_SERVING, usages: SERVING },
    subject: {},
    want: "DNS or IP subjectAltName is required",
  },
  { spec: { signerName: KUBELET_SERVING, usages: SERVING }, subject: { dnsNames: ["n"] }, want: undefined },
  {
    spec: { signerName: KUBELET_SERVING, usages: CLIENT },
    subject: { dnsNames: ["n"] },
    want: "usages did not match [digital signature key encipherment server auth]",
  },
  { spec: { signerName: KUBE_APISERVER_CLIENT }, subject: { commonName: "jane" }, want: undefined },
  {
    spec: { signerName: KUBE_APISERVER_CLIENT, usages: SERVING },
    subject: {},
    want: "invalid usage for client certificate: server auth",
  },
  {
    spec: { signerName: KUBE_APISERVER_CLIENT, usages: ["digital signature"] },
    subject: {},
    want: "missing required usage for client certificate: client auth",
  },
])
  test(`signerProblem: ${JSON.stringify({ ...spec, ...subject })}`, () =>
    assert.equal(signerProblem(csr(spec).spec, { ...NODE, ...subject }), want));

test("certificateTtlMs keeps within ten minutes and the signer's own limit", () => {
  const lives = [undefined, 3600, 1, 999_999].map((seconds) => certificateTtlMs(seconds, 24 * HOUR_MS));
  assert.deepEqual(lives, [86_400_000, 3_600_000, 600_000, 86_400_000]);
});

const approved = { type: "Approved", status: "True", lastUpdateTime: "2026-01-01T01:00:00Z" };
const denied = { ...approved, type: "Denied" };
const failed = { ...approved, type: "Failed" };

for (const { what, status, notAfterMs, want } of [
  { what: "nobody has judged it", status: {}, notAfterMs: undefined, want: 24 },
  { what: "it was denied", status: { conditions: [denied] }, notAfterMs: undefined, want: 2 },
  { what: "it failed", status: { conditions: [approved, failed] }, notAfterMs: undefined, want: 2 },
  {
    what: "it is approved, and nobody signs",
    status: { conditions: [approved] },
    notAfterMs: undefined,
    want: 25,
  },
  {
    what: "it was issued",
    status: { conditions: [approved], certificate: "x" },
    notAfterMs: undefined,
    want: 2,
  },
  {
    what: "its certificate ends first",
    status: { conditions: [approved], certificate: "x" },
    notAfterMs: CREATED_MS + 1.5 * HOUR_MS,
    want: 1.5,
  },
])
  test(`removeAtMs: ${what}`, () =>
    assert.equal((removeAtMs(csr({}, status), notAfterMs)! - CREATED_MS) / HOUR_MS, want));

test("isPending and awaitsSigner tell who is to act", () => {
  const states = [
    {},
    { conditions: [approved] },
    { conditions: [approved, failed] },
    { conditions: [denied] },
  ];
  assert.deepEqual(
    states.map((status) => [isPending(csr({}, status)), awaitsSigner(csr({}, status))]),
    [
      [true, false],
      [false, true],
      [false, false],
      [false, false],
    ],
  );
  assert.equal(awaitsSigner(csr({ signerName: "example.com/own" }, { conditions: [approved] })), false);
  assert.equal(awaitsSigner(csr({}, { conditions: [approved], certificate: "x" })), false);
});

const PROXY: Partial<SubjectInfo> = { commonName: "system:kube-proxy", organizations: [] };

for (const { what, spec, subject, want } of [
  { what: "kube-proxy", spec: {}, subject: PROXY, want: 1 },
  {
    what: "CoreDNS",
    spec: {},
    subject: {
      commonName: "system:serviceaccount:kube-system:coredns",
      organizations: ["system:serviceaccounts", "system:serviceaccounts:kube-system"],
    },
    want: 1,
  },
  { what: "groups", spec: {}, subject: { ...PROXY, organizations: ["system:masters"] }, want: 0 },
  { what: "another user", spec: {}, subject: { ...PROXY, commonName: "system:kube-scheduler" }, want: 0 },
  { what: "an inherited name", spec: {}, subject: { ...PROXY, commonName: "constructor" }, want: 0 },
  { what: "names", spec: {}, subject: { ...PROXY, dnsNames: ["kubernetes"] }, want: 0 },
  { what: "serving", spec: { usages: SERVING }, subject: PROXY, want: 0 },
  { what: "another signer", spec: { signerName: KUBELET_CLIENT }, subject: PROXY, want: 0 },
])
  test(`recognizeNodeComponent: ${what}`, () => {
    const request = csr({ signerName: KUBE_APISERVER_CLIENT, ...spec });
    assert.equal(recognizeNodeComponent(request, { ...NODE, ...subject }).length, want);
  });
