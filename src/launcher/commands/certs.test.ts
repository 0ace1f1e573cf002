import assert from "node:assert/strict";
import { test } from "node:test";
import { renderCertificates, type CertificateRow } from "./certs-table.ts";

const ROW: CertificateRow = {
  name: "apiserver",
  subject: "kube-apiserver",
  expires: "2027-01-01T10:00:00.000Z",
  residual: "364d",
  residualMs: 1,
  authority: "kubernetes",
  isAuthority: false,
};

test("renderCertificates shows certificates, then authorities", () => {
  const text = renderCertificates([
    ROW,
    { ...ROW, name: "n/kubelet", residualMs: -1 },
    { ...ROW, name: "ca", subject: "kubernetes", residual: "9y", authority: "", isAuthority: true },
  ]);
  assert.equal(
    text,
    `CERTIFICATE   SUBJECT          EXPIRES                RESIDUAL TIME   CERTIFICATE AUTHORITY
apiserver     kube-apiserver   2027-01-01 10:00 UTC   364d            kubernetes
n/kubelet     kube-apiserver   2027-01-01 10:00 UTC   <expired>       kubernetes

CERTIFICATE AUTHORITY   SUBJECT      EXPIRES                RESIDUAL TIME
ca                      kubernetes   2027-01-01 10:00 UTC   9y
`,
  );
});
