/** Certificates of pods: who may ask for one, with which key, and who may answer. In process, without sockets. */
import assert from "node:assert/strict";
import { generateKeyPairSync, sign as createSignature } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { betaKinds, builtinKinds } from "#api";
import { PodCertificateRequests } from "#api/certificates/v1/podcertificaterequest";
import { PodCertificateRequests as BetaRequests } from "#api/certificates/v1beta1/podcertificaterequest";
import type { PodCertificateRequest } from "#api/certificates/v1/types.gen";
import type { PodCertificateRequest as BetaRequest } from "#api/certificates/v1beta1/types.gen";
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { ClusterRoles } from "#api/rbac/v1/clusterrole";
import { ClusterRoleBindings } from "#api/rbac/v1/clusterrolebinding";
import { FakeClock, formatTime, silentLogger, StatusError } from "#apimachinery";
import { createApiServer, type ApiServer, type UserInfo } from "#apiserver";
import { newClient, newEventRecorder, newInformerFactory, type Client } from "#client";
import { createBareRequest } from "#component-base/pki";
import { newControllers } from "#controllers";
import { startManager } from "#controller-runtime";
import { openMemoryStore, type Store } from "#storage";
import { condition, newSigner, type Signer } from "../conformance/auth/pod-certificate-signer.ts";

const SIGNER = "example.com/pods";
const namespace = "shop";
const never = new AbortController().signal;
const clock = new FakeClock(Date.UTC(2026, 10, 21));

let store: Store;
let server: ApiServer;
let admin: Client;
let signer: Signer;
let pods: Readonly<Record<string, Pod>> = {};
let spec: PodCertificateRequest["spec"];
let made = 0;

const as = (user: UserInfo): Client => newClient(server.transport(user), { userAgent: "test" });
const nodeUser = (name: string): UserInfo => ({
  name: `system:node:${name}`,
  groups: ["system:nodes", "system:authenticated"],
});
const signerUser = (name: string): UserInfo => ({ name, groups: ["system:authenticated"] });

before(async () => {
  store = await openMemoryStore();
  const beta = betaKinds().filter(
    ({ group, version }) => group.startsWith("certificates") && version === "v1beta1",
  );
  server = await createApiServer({ store, clock, kinds: [...builtinKinds, ...beta] });
  admin = newClient(server.transport(), { userAgent: "admin" });
  signer = await newSigner(SIGNER, clock);
  const core = { apiVersion: "v1" } as const;
  await admin.create(Namespaces, { ...core, kind: "Namespace", metadata: { name: namespace } }, never);
  const account = { ...core, kind: "ServiceAccount", metadata: { namespace, name: "web" } } as const;
  const { metadata: web } = await admin.create(ServiceAccounts, account, never);
  const nodes: Record<string, string> = {};
  for (const name of ["a", "b"]) {
    const node = await admin.create(Nodes, { ...core, kind: "Node", metadata: { name } }, never);
    nodes[name] = node.metadata.uid!;
  }
  pods = Object.fromEntries(
    await Promise.all(
      ["a", "b"].map(async (nodeName) => {
        const pod: Pod = {
          ...core,
          kind: "Pod",
          metadata: { namespace, name: `on-${nodeName}` },
          spec: { nodeName, serviceAccountName: "web", containers: [{ name: "c", image: "i" }] },
        };
        return [nodeName, await admin.create(Pods, pod, never)] as const;
      }),
    ),
  );
  spec = {
    signerName: SIGNER,
    podName: "on-a",
    podUID: pods["a"]!.metadata.uid!,
    serviceAccountName: "web",
    serviceAccountUID: web.uid!,
    nodeName: "a",
    nodeUID: nodes["a"]!,
    stubPKCS10Request: (await createBareRequest("ECDSAP256")).request,
  };
  for (const [user, signerName] of [
    ["signer", SIGNER],
    ["stranger", "example.com/others"],
  ] as const)
    await mayAnswer(user, signerName);
});

after(async () => {
  await server.close();
  await store.close();
});

/** As its documentation tells the author of a signer to do. */
async function mayAnswer(user: string, signerName: string): Promise<void> {
  const group = "certificates.k8s.io";
  const api = "rbac.authorization.k8s.io";
  const role = {
    apiVersion: `${api}/v1`,
    kind: "ClusterRole",
    metadata: { name: user },
    rules: [
      { apiGroups: [group], resources: ["podcertificaterequests"], verbs: ["get", "list", "watch"] },
      { apiGroups: [group], resources: ["podcertificaterequests/status"], verbs: ["update", "patch"] },
      { apiGroups: [group], resources: ["signers"], resourceNames: [signerName], verbs: ["sign"] },
    ],
  } as const;
  await admin.create(ClusterRoles, role, never);
  const subjects = [{ kind: "User", apiGroup: api, name: user }];
  const roleRef = { apiGroup: api, kind: "ClusterRole", name: user };
  const binding = { ...role, kind: "ClusterRoleBinding", roleRef, subjects } as const;
  const { rules: _rules, ...bound } = binding;
  await admin.create(ClusterRoleBindings, bound, never);
}

function newRequest(change: Partial<PodCertificateRequest["spec"]> = {}): PodCertificateRequest {
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "PodCertificateRequest",
    metadata: { namespace, name: `r${made++}` },
    spec: { ...spec, ...change },
  };
}

function ask(
  user: UserInfo,
  change?: Partial<PodCertificateRequest["spec"]>,
): Promise<PodCertificateRequest> {
  return as(user).create(PodCertificateRequests, newRequest(change), never);
}

function refused(code: number, message: RegExp): (err: unknown) => boolean {
  return (err) => {
    assert.ok(err instanceof StatusError);
    assert.match(err.message, message);
    assert.equal(err.code, code);
    return true;
  };
}

suite("a node asks for certificates", () => {
  test("of a pod that it runs", async () => {
    const request = await ask(nodeUser("a"));
    assert.equal(request.spec.maxExpirationSeconds, 86_400);
  });

  const cases: readonly (readonly [
    what: string,
    node: string,
    change: () => Partial<PodCertificateRequest["spec"]>,
    code: number,
    message: RegExp,
  ])[] = [
    [
      "never in another node's name",
      "b",
      () => ({}),
      403,
      /forbidden: PodCertificateRequest\.Spec\.NodeName="a", which is not the requesting node "b"$/,
    ],
    [
      "never for a pod that runs elsewhere",
      "a",
      () => ({ podName: "on-b", podUID: pods["b"]!.metadata.uid! }),
      403,
      /forbidden: pod "shop\/on-b" is not running on node "a" named in the PodCertificateRequest$/,
    ],
    [
      "never for an account that the pod does not have",
      "a",
      () => ({ serviceAccountName: "default" }),
      403,
      /contains serviceAccountName \("default"\) that differs from running pod \("web"\)$/,
    ],
    ["not yet for a pod that is not known", "a", () => ({ podName: "none" }), 500, /pods "none" not found$/],
    [
      "not yet for another pod of the name",
      "a",
      () => ({ podUID: "old" }),
      500,
      /contains pod UID \("old"\) which differs from running pod/,
    ],
    [
      "not yet for another account of the name",
      "a",
      () => ({ serviceAccountUID: "old" }),
      500,
      /names service account UID "old", which differs from the running service account/,
    ],
    [
      "not yet as another node of the name",
      "a",
      () => ({ nodeUID: "old" }),
      500,
      /names node UID "old", inconsistent/,
    ],
  ];
  for (const [what, node, change, code, message] of cases)
    test(what, () => assert.rejects(ask(nodeUser(node), change()), refused(code, message)));

  test("and sees those of its own pods alone, and answers none", async () => {
    const { metadata } = await ask(nodeUser("a"));
    const [a, b] = [as(nodeUser("a")), as(nodeUser("b"))];
    const ref = { namespace, name: metadata.name };
    assert.equal((await a.get(PodCertificateRequests, ref, never)).metadata.uid, metadata.uid);
    await assert.rejects(b.get(PodCertificateRequests, ref, never), refused(403, /no relationship found/));
    const own = { fieldSelector: "spec.nodeName=a" };
    assert.ok((await a.list(PodCertificateRequests, own, never)).items.length > 0);
    await assert.rejects(
      b.list(PodCertificateRequests, own, never),
      refused(403, /with nodeName field selector/),
    );
    await assert.rejects(a.delete(PodCertificateRequests, ref, never), refused(403, /nodes may not delete/));
    const denied = { ...newRequest(), metadata, status: { conditions: [condition("Denied", clock)] } };
    await assert.rejects(
      a.updateStatus(PodCertificateRequests, denied, never),
      refused(403, /nodes may not access the status subresource of PodCertificateRequests/),
    );
  });
});

suite("a request proves that its key is there", () => {
  test("stubPKCS10Request is signed by its own key", async () => {
    const bytes = Buffer.from(spec.stubPKCS10Request, "base64");
    bytes[bytes.length - 1]! ^= 1;
    const invalid = /is invalid: spec\.stubPKCS10Request: Invalid value: invalid signature$/;
    const stubPKCS10Request = bytes.toString("base64");
    await assert.rejects(ask(nodeUser("a"), { stubPKCS10Request }), refused(422, invalid));
    await assert.rejects(
      ask(nodeUser("a"), { stubPKCS10Request: Buffer.from("no request").toString("base64") }),
      refused(422, /spec\.stubPKCS10Request: Invalid value: must be a valid PKCS#10 CSR$/),
    );
  });

  for (const keyType of ["RSA3072", "ECDSAP384", "ECDSAP521", "ED25519"])
    test(`${keyType} is accepted`, async () => {
      const { request: stubPKCS10Request } = await createBareRequest(keyType);
      assert.equal(
        (await ask(nodeUser("a"), { stubPKCS10Request })).spec.stubPKCS10Request,
        stubPKCS10Request,
      );
    });

  test("proofOfPossession signs the pod's uid, in the beta version, and neither shows in the stable one", async () => {
    const pair = generateKeyPairSync("ed25519");
    const pkix = pair.publicKey.export({ type: "spki", format: "der" }).toString("base64");
    const prove = (text: string): string =>
      createSignature(undefined, Buffer.from(text), pair.privateKey).toString("base64");
    const { stubPKCS10Request: _stub, ...rest } = spec;
    const older = (text: string): BetaRequest => {
      const metadata = { namespace, name: `r${made++}` };
      const keys = { pkixPublicKey: pkix, proofOfPossession: prove(text) };
      const body = { apiVersion: "certificates.k8s.io/v1beta1", kind: "PodCertificateRequest", metadata };
      return { ...body, spec: { ...rest, ...keys } } as unknown as BetaRequest;
    };
    const create = async (request: BetaRequest): Promise<BetaRequest> =>
      admin.create(BetaRequests, request, never);
    const created = await create(older(spec.podUID));
    assert.equal(created.spec.pkixPublicKey, pkix);
    const { spec: stable } = await admin.get(PodCertificateRequests, created.metadata, never);
    assert.deepEqual(
      Object.keys(stable).filter((name) => /pkix|proof/i.test(name)),
      [],
    );
    await assert.rejects(
      create(older("another uid")),
      refused(422, /spec\.proofOfPossession: Invalid value: could not verify proof-of-possession signature$/),
    );
  });
});

suite("a signer answers", () => {
  test("requests of its name", async () => {
    const request = await ask(nodeUser("a"));
    const status = await signer.sign(request);
    const answered = await as(signerUser("signer")).updateStatus(
      PodCertificateRequests,
      { ...request, status },
      never,
    );
    assert.equal(answered.status?.certificateChain, status.certificateChain);
  });

  test("and nobody else's, though it may write the status", async () => {
    const request = await ask(nodeUser("a"));
    const forbidden =
      /is invalid: spec\.signerName: Forbidden: User "stranger" is not permitted to "sign" for signer "example\.com\/pods"$/;
    for (const status of [await signer.sign(request), { conditions: [condition("Denied", clock)] }])
      await assert.rejects(
        as(signerUser("stranger")).updateStatus(PodCertificateRequests, { ...request, status }, never),
        refused(422, forbidden),
      );
  });

  type Status = NonNullable<PodCertificateRequest["status"]>;
  const wrong: readonly (readonly [what: string, change: (status: Status) => Status, message: RegExp])[] = [
    [
      "without a chain",
      ({ certificateChain: _chain, ...rest }) => rest,
      /issued certificate chain must contain at least one certificate/,
    ],
    [
      "with another end than the certificate's",
      (status) => ({ ...status, notAfter: formatTime(clock.now()) }),
      /status\.notAfter: .*must be set to the NotAfter time encoded in the leaf certificate/,
    ],
    [
      "to be renewed at once",
      (status) => ({ ...status, beginRefreshAt: status.notBefore! }),
      /status\.beginRefreshAt: .*must be at least 10 minutes after status\.notBefore/,
    ],
    [
      "with a verdict of its own invention",
      ({ conditions, ...rest }) => ({ ...rest, conditions: [{ ...conditions![0]!, type: "Pondered" }] }),
      /status\.conditions\.\[0\]\.type: Unsupported value: "Pondered"/,
    ],
    [
      "denying and issuing at once",
      (status) => ({ ...status, conditions: [condition("Denied", clock)] }),
      /non-condition status fields must be empty when denying or failing/,
    ],
  ];
  for (const [what, change, message] of wrong)
    test(`never ${what}`, async () => {
      const request = await ask(nodeUser("a"));
      const status = change(await signer.sign(request));
      await assert.rejects(
        as(signerUser("signer")).updateStatus(PodCertificateRequests, { ...request, status }, never),
        refused(422, message),
      );
    });

  test("never with a certificate that began long ago, or lives too long", async () => {
    const request = await ask(nodeUser("a"));
    const answer = (status: Status): Promise<unknown> =>
      as(signerUser("signer")).updateStatus(PodCertificateRequests, { ...request, status }, never);
    const longer = { ...request, spec: { ...request.spec, maxExpirationSeconds: 90_000 } };
    await assert.rejects(
      answer(await signer.sign(longer)),
      refused(422, /lifetime must be <= spec\.maxExpirationSeconds/),
    );
    const status = await signer.sign(request);
    clock.advance(600_000);
    await assert.rejects(answer(status), refused(422, /within 5 minutes of kube-apiserver's current time/));
  });
});

test("requests are removed after a quarter of an hour", async () => {
  const { metadata } = await ask(nodeUser("a"));
  const stop = new AbortController();
  const parts = { clock, random: () => 0.5, logger: silentLogger };
  const informers = newInformerFactory({ client: admin, ...parts, freeze: true });
  const recorder = newEventRecorder({ client: admin, component: "test", ...parts }, stop.signal);
  const context = { client: admin, informers, recorder, clock, logger: silentLogger };
  const controllers = newControllers(context, { names: ["podcertificaterequest-cleaner-controller"] });
  const manager = startManager({ ...context, random: parts.random, controllers }, stop.signal);
  await manager.ready;
  const { resourceVersion } = (await admin.list(PodCertificateRequests, { namespace }, never)).metadata;
  clock.advance(899_000);
  assert.ok(await admin.get(PodCertificateRequests, metadata, never));
  clock.advance(2000);
  for await (const event of admin.watch(
    PodCertificateRequests,
    { namespace, resourceVersion: resourceVersion! },
    never,
  ))
    if (event.type === "DELETED" && event.object.metadata.name === metadata.name) break;
  stop.abort();
  await manager.stopped;
});
