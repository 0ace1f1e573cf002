/** Certificates of pods as files of their containers, from a signer that is not part of the cluster. */
import assert from "node:assert/strict";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import { ClusterTrustBundles } from "#api/certificates/v1/clustertrustbundle";
import { PodCertificateRequests } from "#api/certificates/v1/podcertificaterequest";
import { Pods } from "#api/core/v1/pod";
import type { Pod, PodCertificateProjection } from "#api/core/v1/types.gen";
import { isInvalid, type StatusError } from "#apimachinery";
import { conformance, WEB_IMAGE, type ConformanceContext, type ContainersContext } from "../harness/index.ts";
import { newSigner, runSigner, SPIFFE_PATH, TRUST_DOMAIN, type Signer } from "./pod-certificate-signer.ts";

const SUITE = "[sig-auth] Projected PodCertificate";
const LIFE = `${SUITE} MaxExpirationSeconds validations should`;
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
const PORT = 8443;
/** What this machine's own Node.js needs: the image has no program that speaks TLS. */
const LIBRARIES = ["/lib", "/lib64", "/usr/lib"];

/** Both ends show their certificates; the server answers with the name of the client. */
const SERVER = `
const { readFileSync } = require("node:fs");
const read = (name) => readFileSync("/run/pod/" + name);
require("node:tls").createServer(
  { key: read("bundle.pem"), cert: read("bundle.pem"), ca: readFileSync("/run/trust/ca.pem"), requestCert: true, rejectUnauthorized: true },
  (socket) => { socket.on("error", () => {}); socket.end("client is " + socket.getPeerCertificate().subjectaltname); },
).on("tlsClientError", () => {}).listen(${PORT});`;
const CLIENT = `
const { readFileSync } = require("node:fs");
const [host, servername, own] = process.argv.slice(1);
const bundle = own === "own" ? readFileSync("/run/pod/bundle.pem") : undefined;
const socket = require("node:tls").connect(
  { host, port: ${PORT}, servername, ca: readFileSync("/run/trust/ca.pem"), key: bundle, cert: bundle },
  () => console.log("server is", socket.getPeerCertificate().subjectaltname),
);
socket.on("data", (data) => console.log(String(data)));
socket.on("error", (err) => { console.log(err.code); process.exitCode = 1; });`;

type Certificate = Partial<PodCertificateProjection>;

function certificatePod(t: ConformanceContext, name: string, certificate: Certificate = {}): Pod {
  const podCertificate = {
    signerName: `example.com/${t.unique}`,
    keyType: "ECDSAP256",
    credentialBundlePath: "bundle.pem",
    ...certificate,
  };
  const container = {
    name: "main",
    image: WEB_IMAGE,
    command: ["sleep", "3600"],
    volumeMounts: [{ name: "pod", mountPath: "/run/pod" }],
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: t.namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [container],
      volumes: [{ name: "pod", projected: { sources: [{ podCertificate }] } }],
    },
  };
}

async function startSigner(t: ConformanceContext): Promise<Signer> {
  const signer = await newSigner(`example.com/${t.unique}`);
  const stop = new AbortController();
  const running = runSigner(t.client, t.namespace, signer, stop.signal);
  t.cleanup(async () => {
    stop.abort();
    await running;
  });
  return signer;
}

async function run(t: ConformanceContext, pod: Pod): Promise<Pod> {
  const { metadata } = await t.client.create(Pods, pod, t.signal);
  return t.waitFor(Pods, metadata, (now) => now?.status?.phase === "Running");
}

/** Of the bundle in the pod: its certificate, which fits the key beside it. */
async function mounted(t: ContainersContext, pod: string): Promise<X509Certificate> {
  const bundle = await t.kubectl("exec", pod, "--", "cat", "/run/pod/bundle.pem");
  assert.match(bundle, /^-----BEGIN PRIVATE KEY-----/, "the key comes first");
  const certificate = new X509Certificate(bundle.slice(bundle.indexOf("-----BEGIN CERTIFICATE-----")));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(bundle)));
  return certificate;
}

function lifeSeconds({ validFromDate, validToDate }: X509Certificate): number {
  return (validToDate.getTime() - validFromDate.getTime()) / 1000;
}

async function checkLife(t: ContainersContext, asked: Certificate, seconds: number): Promise<void> {
  const signer = await startSigner(t);
  const { metadata } = await run(t, certificatePod(t, "p", asked));
  const requests = await t.client.list(PodCertificateRequests, { namespace: t.namespace }, t.signal);
  const [request] = requests.items;
  assert.equal(request?.spec.maxExpirationSeconds, seconds);
  assert.equal(request.spec.podUID, metadata.uid);
  const certificate = await mounted(t, "p");
  assert.equal(lifeSeconds(certificate), seconds);
  assert.ok(certificate.verify(new X509Certificate(signer.caPem).publicKey));
}

conformance(
  `${LIFE} issue certificate with default life time (24h) when MaxExpirationSeconds is not set`,
  { containers: true },
  (t) => checkLife(t, {}, DAY_SECONDS),
);

conformance(
  `${LIFE} issue certificate with specified duration (1h) when MaxExpirationSeconds is set`,
  { containers: true },
  (t) => checkLife(t, { maxExpirationSeconds: HOUR_SECONDS }, HOUR_SECONDS),
);

async function checkRefused(t: ConformanceContext, seconds: number, limit: string): Promise<void> {
  const pod = certificatePod(t, "p", { maxExpirationSeconds: seconds });
  await assert.rejects(t.client.create(Pods, pod, t.signal), (err: StatusError) => {
    assert.ok(isInvalid(err));
    const at = "spec.volumes[0].projected.sources[0].podCertificate.maxExpirationSeconds";
    const why = `Invalid value: ${seconds}: if provided, maxExpirationSeconds must be ${limit}`;
    // What mounts the volume cannot find it either.
    const [cause] = err.toStatus().details?.causes ?? [];
    assert.deepEqual(cause, { reason: "FieldValueInvalid", field: at, message: why });
    return true;
  });
}

conformance(`${LIFE} reject pod creation when MaxExpirationSeconds is less than minimum (1h)`, (t) =>
  checkRefused(t, HOUR_SECONDS - 1, `>= ${HOUR_SECONDS}`),
);

conformance(`${LIFE} reject pod creation when MaxExpirationSeconds exceeds maximum (91d)`, (t) =>
  checkRefused(t, 91 * DAY_SECONDS + 1, `<= ${91 * DAY_SECONDS}`),
);

conformance(`${SUITE} should honor UserAnnotations for SPIFFE URI path`, { containers: true }, async (t) => {
  await startSigner(t);
  const userAnnotations = { [SPIFFE_PATH]: "shop/checkout" };
  await run(t, certificatePod(t, "annotated", { userAnnotations }));
  await run(t, certificatePod(t, "plain"));
  const names = async (pod: string) => (await mounted(t, pod)).subjectAltName;
  assert.match((await names("annotated"))!, new RegExp(`URI:spiffe://${TRUST_DOMAIN}/shop/checkout\\b`));
  const account = `URI:spiffe://${TRUST_DOMAIN}/ns/${t.namespace}/sa/default`;
  assert.match((await names("plain"))!, new RegExp(account));
});

/** With a program that speaks TLS, and the anchors of the signer. */
function tlsPod(t: ConformanceContext, name: string, signerName: string, command: readonly string[]): Pod {
  const pod = certificatePod(t, name);
  const [container] = pod.spec!.containers;
  const folders = [
    ...LIBRARIES.map((path) => ({ name: path.replaceAll("/", "-").slice(1), mountPath: path, path })),
    { name: "node", mountPath: "/node", path: dirname(realpathSync(process.execPath)) },
  ];
  const clusterTrustBundle = { signerName, labelSelector: {}, path: "ca.pem" };
  const volumeMounts = [
    ...container!.volumeMounts!,
    { name: "trust", mountPath: "/run/trust" },
    ...folders.map((folder) => ({ name: folder.name, mountPath: folder.mountPath, readOnly: true })),
  ];
  const volumes = [
    ...pod.spec!.volumes!,
    { name: "trust", projected: { sources: [{ clusterTrustBundle }] } },
    ...folders.map((folder) => ({ name: folder.name, hostPath: { path: realpathSync(folder.path) } })),
  ];
  return { ...pod, spec: { ...pod.spec!, containers: [{ ...container!, command, volumeMounts }], volumes } };
}

conformance(
  `${SUITE} should allow server and client pods to establish an mTLS connection`,
  { containers: true },
  async (t) => {
    const signer = await startSigner(t);
    const bundle = {
      apiVersion: "certificates.k8s.io/v1",
      kind: "ClusterTrustBundle",
      metadata: { name: `${signer.name.replace("/", ":")}:pods` },
      spec: { signerName: signer.name, trustBundle: signer.caPem },
    } as const;
    await t.client.create(ClusterTrustBundles, bundle, t.signal);
    t.cleanup((undoing) => t.client.delete(ClusterTrustBundles, bundle.metadata, undoing));
    const [server] = await Promise.all([
      run(t, tlsPod(t, "server", signer.name, ["/node/node", "-e", SERVER])),
      run(t, tlsPod(t, "client", signer.name, ["sleep", "3600"])),
    ]);
    const connect = (name: string, ...how: readonly string[]) =>
      t.tryKubectl([
        "exec",
        "client",
        "--",
        "/node/node",
        "-e",
        CLIENT,
        "--",
        server.status!.podIP!,
        name,
        ...how,
      ]);
    const untilListening = async (): ReturnType<typeof connect> => {
      for (;;) {
        const tried = await connect("server.pods.example.com", "own");
        t.signal.throwIfAborted();
        if (!tried.stdout.includes("ECONNREFUSED")) return tried;
      }
    };
    const mutual = await untilListening();
    assert.equal(mutual.code, 0, mutual.stdout + mutual.stderr);
    assert.match(mutual.stdout, /^server is .*DNS:server\.pods\.example\.com/m);
    assert.match(mutual.stdout, /^client is .*DNS:client\.pods\.example\.com/m);
    const nameless = await connect("server.pods.example.com");
    assert.doesNotMatch(nameless.stdout, /client is/, "who has no certificate is not answered");
    const misled = await connect("other.pods.example.com", "own");
    assert.match(misled.stdout, /ERR_TLS_CERT_ALTNAME_INVALID/);
  },
);
