/** Certificates by the API: who gets which, from request to renewal, and who may not. In process, without sockets. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { FakeClock, silentLogger, StatusError, systemClock, type Kind } from "#apimachinery";
import { betaKinds, builtinKinds } from "#api";
import { CertificateSigningRequests } from "#api/certificates/v1/certificatesigningrequest";
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import type { ClusterTrustBundle } from "#api/certificates/v1beta1/types.gen";
import { ClusterTrustBundles } from "#api/certificates/v1beta1/clustertrustbundle";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Secrets } from "#api/core/v1/secret";
import { createApiServer, type ApiServer, type UserInfo } from "#apiserver";
import { newClient, newEventRecorder, newInformerFactory, type Client } from "#client";
import {
  createCertificateAuthority,
  createCertificateRequest,
  type CertificateAuthority,
  type CertificateSubject,
} from "#component-base/pki";
import { newControllers } from "#controllers";
import { startManager, type Manager } from "#controller-runtime";
import { bootstrapClientCertificate, CertificateStore, keepClientCertificate } from "#kubelet";
import { newTokenSecret } from "../../src/launcher/commands/token.ts";
import { checkPins, verifiedKubeconfig } from "../../src/cmd/agent/discovery.ts";
import { bootstrapRbac } from "../../src/cmd/server/bootstrap-rbac.ts";
import { ensureClusterInfo } from "../../src/cmd/server/cluster-info.ts";
import { controllerManagerUser, controllerUser } from "../../src/cmd/server/identities.ts";
import { openMemoryStore, type Store } from "#storage";

const PUBLISHER = "kube-apiserver-serving-clustertrustbundle-publisher";
const KUBELET = "kubernetes.io/kube-apiserver-client-kubelet";
const CLIENT_USAGES = ["digital signature", "client auth"];
const NODE: CertificateSubject = { commonName: "system:node:n", organizations: ["system:nodes"] };
const nodeUser: UserInfo = {
  name: "system:node:n",
  groups: ["system:nodes", "system:authenticated"],
};
const bootstrapper: UserInfo = {
  name: "system:bootstrap:abcdef",
  groups: ["system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"],
};
const nobody: UserInfo = { name: "jane", groups: ["system:authenticated"] };

const abort = new AbortController();
const { signal } = abort;
const errors: string[] = [];
let ca: CertificateAuthority;
let store: Store;
let server: ApiServer;
let manager: Manager;
let admin: Client;
let dir = "";

const as = (user: UserInfo): Client => newClient(server.transport(user), { userAgent: "test" });

before(async () => {
  ca = await createCertificateAuthority("kubernetes", systemClock);
  dir = await mkdtemp(join(tmpdir(), "k8ts-certificates-"));
  store = await openMemoryStore();
  const bundles = betaKinds().filter(
    ({ kind, version }) => kind === "ClusterTrustBundle" && version === "v1beta1",
  );
  server = await createApiServer({
    store,
    freezeObjects: true,
    kinds: [...builtinKinds, ...bundles],
    bootstrapRbac: bootstrapRbac(false),
  });
  admin = newClient(server.transport(), { userAgent: "admin" });
  await ensureClusterInfo(admin, { server: "https://c:6443", ca: ca.certificatePem }, signal);
  const reader = as(controllerManagerUser);
  const logger = {
    ...silentLogger,
    child: () => logger,
    error: (message: string, fields = {}) => void errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  const informers = newInformerFactory({ client: reader });
  const recorder = newEventRecorder({ client: reader, component: "test" }, signal);
  const context = { client: reader, informers, recorder, clock: systemClock, logger };
  const controllers = newControllers(context, {
    names: [
      "certificatesigningrequest-approving-controller",
      "certificatesigningrequest-signing-controller",
      "certificatesigningrequest-cleaner-controller",
      "node-component-csr-approving-controller",
      "bootstrap-signer-controller",
      "token-cleaner-controller",
      "kube-apiserver-serving-clustertrustbundle-publisher-controller",
    ],
    rootCA: ca.certificatePem,
    clusterSigning: { ca: () => Promise.resolve(ca) },
    clientFor: (account) => as(controllerUser(account)),
  });
  manager = startManager({ ...context, controllers }, signal);
  await manager.ready;
});
after(async () => {
  abort.abort();
  await manager.stopped;
  await server.close();
  await store.close();
  await rm(dir, { recursive: true });
});

interface Asked {
  readonly subject?: CertificateSubject;
  readonly signerName?: string;
  readonly usages?: readonly string[];
  readonly expirationSeconds?: number;
}

let asked = 0;

async function ask(who: UserInfo, options: Asked): Promise<CertificateSigningRequest> {
  const { subject = NODE, signerName = KUBELET, usages = CLIENT_USAGES, expirationSeconds } = options;
  const { requestPem } = await createCertificateRequest(subject);
  return as(who).create(
    CertificateSigningRequests,
    {
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name: `r${asked++}` },
      spec: {
        request: Buffer.from(requestPem).toString("base64"),
        signerName,
        usages,
        ...(expirationSeconds !== undefined && { expirationSeconds }),
      },
    },
    signal,
  );
}

/** The request once `fits` holds; the test's own patience is the runner's. */
async function until(
  { metadata: { name } }: CertificateSigningRequest,
  fits: (csr: CertificateSigningRequest) => boolean,
): Promise<CertificateSigningRequest> {
  const fieldSelector = `metadata.name=${name}`;
  const { items, metadata } = await admin.list(CertificateSigningRequests, { fieldSelector }, signal);
  if (fits(items[0]!)) return items[0]!;
  const options = { fieldSelector, resourceVersion: metadata.resourceVersion! };
  for await (const { type, object } of admin.watch(CertificateSigningRequests, options, signal))
    if (type === "MODIFIED" && fits(object)) return object;
  throw new Error(`the watch of ${name} ended`);
}

const isIssued = ({ status }: CertificateSigningRequest): boolean => status?.certificate !== undefined;

function leafOf({ status }: CertificateSigningRequest): X509Certificate {
  return new X509Certificate(Buffer.from(status!.certificate!, "base64"));
}

async function judge(
  csr: CertificateSigningRequest,
  type: "Approved" | "Denied",
  who = admin,
): Promise<void> {
  const conditions = [{ type, status: "True", reason: "Test", message: "by hand" }];
  await who.updateSubresource(
    CertificateSigningRequests,
    csr.metadata,
    "approval",
    { ...csr, status: { conditions } },
    signal,
  );
}

const refusal = (code: number, message: RegExp) => (err: unknown) => {
  assert.ok(err instanceof StatusError);
  assert.equal(err.code, code);
  assert.match(err.message, message);
  return true;
};

suite("signers", () => {
  for (const { who, message } of [
    { who: bootstrapper, message: /^Auto approving kubelet client certificate after/ },
    { who: nodeUser, message: /^Auto approving self kubelet client certificate after/ },
  ])
    test(`a kubelet's client certificate is issued to ${who.name}`, async () => {
      const csr = await until(await ask(who, { expirationSeconds: 3600 }), isIssued);
      assert.match(csr.status!.conditions![0]!.message!, message);
      assert.ok(csr.status!.conditions![0]!.lastUpdateTime);
      const leaf = leafOf(csr);
      assert.ok(leaf.verify(new X509Certificate(ca.certificatePem).publicKey));
      assert.equal(leaf.validToDate.getTime() - leaf.validFromDate.getTime(), 65 * 60_000);
      assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
    });

  test("others may not ask for a node, and a bootstrap token may not ask for an administrator", async () => {
    await assert.rejects(
      ask(nobody, {}),
      refusal(403, /cannot create resource "certificatesigningrequests"/),
    );
    const signerName = "kubernetes.io/kube-apiserver-client";
    const subject = { commonName: "x", organizations: ["system:masters"] };
    await assert.rejects(
      ask(bootstrapper, { signerName, subject }),
      refusal(
        403,
        /use of kubernetes.io\/kube-apiserver-client signer with system:masters group is not allowed/,
      ),
    );
    const other = await ask(bootstrapper, { signerName, subject: { commonName: "system:kube-proxy" } });
    const node = await until(await ask(bootstrapper, {}), isIssued); // judged after the other one
    assert.ok(isIssued(node));
    const { status } = await admin.get(CertificateSigningRequests, other.metadata, signal);
    assert.equal(status?.conditions?.length ?? 0, 0);
  });

  test("nodes get the certificates of what runs beside kubelet", async () => {
    const signerName = "kubernetes.io/kube-apiserver-client";
    const subject = { commonName: "system:kube-proxy" };
    const csr = await until(await ask(nodeUser, { signerName, subject }), isIssued);
    assert.equal(leafOf(csr).subject, "CN=system:kube-proxy");
  });

  test("a serving certificate waits for somebody's approval, and denial ends a request", async () => {
    const serving = {
      signerName: "kubernetes.io/kubelet-serving",
      usages: ["digital signature", "server auth"],
      subject: { ...NODE, ipAddresses: ["10.0.0.1"] },
    };
    const [csr, other] = [await ask(nodeUser, serving), await ask(nodeUser, serving)];
    await assert.rejects(judge(csr, "Approved", as(nodeUser)), refusal(403, /cannot update resource/));
    await judge(csr, "Approved");
    assert.equal(leafOf(await until(csr, isIssued)).subjectAltName, "IP Address:10.0.0.1");
    await judge(other, "Denied");
    const denied = await admin.get(CertificateSigningRequests, other.metadata, signal);
    assert.equal(isIssued(denied), false);
    const gone = { ...denied, status: { conditions: [] } };
    await assert.rejects(
      admin.updateSubresource(CertificateSigningRequests, other.metadata, "approval", gone, signal),
      refusal(422, /updates may not remove a condition of type "Denied"/),
    );
  });

  test("what a signer will never sign has failed, in upstream's words", async () => {
    const csr = await ask(bootstrapper, { usages: ["client auth"] });
    await judge(csr, "Approved");
    const { status } = await until(csr, (now) => now.status?.conditions?.length === 2);
    const failed = status!.conditions!.find(({ type }) => type === "Failed")!;
    assert.deepEqual(
      [failed.reason, failed.message],
      ["SignerValidationFailure", "usages did not match [client auth digital signature key encipherment]"],
    );
  });

  test("a request must be signed with its own key", async () => {
    const { requestPem } = await createCertificateRequest(NODE);
    const der = Buffer.from(requestPem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
    const at = der.indexOf("system:node:n");
    der.write("system:node:m", at);
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
    const object: CertificateSigningRequest = {
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name: "forged" },
      spec: { request: Buffer.from(forged).toString("base64"), signerName: KUBELET, usages: CLIENT_USAGES },
    };
    await assert.rejects(
      admin.create(CertificateSigningRequests, object, signal),
      refusal(422, /spec.request: .*signature of the certificate request is wrong/),
    );
  });
});

suite("joining", () => {
  test("cluster-info is signed for who knows a token, and says whom to trust", async () => {
    const secret = newTokenSecret(
      "abcdef.0123456789abcdef",
      { ttlMs: 3_600_000, usages: ["signing", "authentication"], groups: [] },
      systemClock.now(),
    );
    await admin.create(Secrets, secret, signal);
    const anonymous = as({ name: "system:anonymous", groups: ["system:unauthenticated"] });
    const ref = { namespace: "kube-public", name: "cluster-info" };
    const { metadata } = await anonymous.get(ConfigMaps, ref, signal);
    const options = { namespace: ref.namespace, fieldSelector: `metadata.name=${ref.name}` };
    const from = { ...options, resourceVersion: metadata.resourceVersion! };
    let data: Readonly<Record<string, string>> = {};
    for await (const { type, object } of admin.watch(ConfigMaps, { ...from, resourceVersion: "0" }, signal)) {
      if (type !== "ADDED" && type !== "MODIFIED") continue;
      data = object.data ?? {};
      if (data["jws-kubeconfig-abcdef"] !== undefined) break;
    }
    const kubeconfig = verifiedKubeconfig(data, "abcdef", "0123456789abcdef");
    assert.throws(
      () => verifiedKubeconfig(data, "abcdef", "0123456789abcdeX"),
      /can't trust this API Server/,
    );
    const changed = { ...data, kubeconfig: kubeconfig.replace("https://c", "https://d") };
    assert.throws(() => verifiedKubeconfig(changed, "abcdef", "0123456789abcdef"), /failed to verify JWS/);
    assert.throws(() => checkPins(ca.certificatePem, ["00"]), /none of the public keys .* are pinned/);
  });

  test("a kubelet gets its first certificate by token, and renews it as itself before it ends", async () => {
    const certificates = new CertificateStore(dir, "kubelet-client");
    const common = { clock: systemClock, logger: silentLogger, store: certificates, nodeName: "n" };
    const first = await bootstrapClientCertificate(
      { ...common, client: as(bootstrapper), certDir: dir },
      signal,
    );
    assert.equal(first.leaf.subject, "O=system:nodes\nCN=system:node:n");
    // 292 of 365 days: between 70 and 90 % of its life
    const clock = new FakeClock(systemClock.now());
    const pairs: string[] = [];
    const stop = new AbortController();
    const renewed = Promise.withResolvers<void>();
    const kept = keepClientCertificate(
      {
        ...common,
        client: as(nodeUser),
        clock,
        random: () => 0.5,
        onPair: ({ privateKeyPem }) => {
          pairs.push(privateKeyPem);
          if (pairs.length === 2) renewed.resolve();
        },
      },
      stop.signal,
    );
    for (; pairs.length === 0;) await new Promise(setImmediate);
    clock.advance(291 * 86_400_000);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    assert.equal(pairs.length, 1);
    clock.advance(2 * 86_400_000);
    await renewed.promise;
    stop.abort();
    await kept;
    assert.deepEqual(pairs[0], first.privateKeyPem);
    assert.notEqual(pairs[1], first.privateKeyPem);
    assert.equal((await certificates.current())!.privateKeyPem, pairs[1]);
  });
});

test("ClusterTrustBundles: the API server's authority is published, and other signers' need their attestation", async () => {
  const kind = ClusterTrustBundles as unknown as Kind;
  const fieldSelector = "spec.signerName=kubernetes.io/kube-apiserver-serving";
  for await (const { type, object } of admin.watch(kind, { fieldSelector, resourceVersion: "0" }, signal)) {
    if (type !== "ADDED") continue;
    assert.match(object.metadata.name, /^kubernetes\.io:kube-apiserver-serving:[0-9a-f]{24}$/);
    break;
  }
  const bundle: ClusterTrustBundle = {
    apiVersion: "certificates.k8s.io/v1beta1",
    kind: "ClusterTrustBundle",
    metadata: { name: "example.com:s:v1" },
    spec: { signerName: "example.com/s", trustBundle: ca.certificatePem },
  };
  await assert.rejects(
    as(controllerUser(PUBLISHER)).create(ClusterTrustBundles, bundle, signal),
    refusal(403, /user not permitted to attest for signerName "example.com\/s"/),
  );
  await admin.create(ClusterTrustBundles, bundle, signal);
});

test("no controller failed at anything", () => assert.deepEqual(errors, []));
