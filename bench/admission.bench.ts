/**
 * A create through two webhooks and five CEL policies, against the same without.
 *
 * The sketch: a webhook costs one HTTPS exchange on a connection that is kept, two payloads of some KB written as JSON and read
 * again (200 µs, most of it Node's HTTP on both sides; the hooks run in a worker); the validating one waits for the mutating one.
 * A policy of one expression costs 10 µs once it is compiled. The floor of the hooks is two plain HTTPS exchanges of the same
 * bytes, one after the other; that of the policies is the create without any.
 * @module
 */
import { Agent, createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { systemClock } from "#apimachinery";
import { bench } from "#bench";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { createApiServer, type ApiServer } from "#apiserver";
import { openMemoryStore } from "#storage";

const CREATES = 50;
const POLICIES = 5;
const GROUP = "/apis/admissionregistration.k8s.io/v1";
const RULE = { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] };
const forever = new AbortController().signal;

if (isMainThread) await main();
else serveHooks(workerData as Pair);

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Lets everything through; the mutating one adds a label. */
function serveHooks({ cert, key }: Pair): void {
  const patch = Buffer.from('[{"op":"add","path":"/metadata/labels","value":{"hook":"yes"}}]').toString(
    "base64",
  );
  const server = createServer({ cert, key, keepAliveTimeout: 60_000 }, (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { uid } = (JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string } }).request;
      const isMutating = incoming.url?.startsWith("/mutate") === true;
      const answer = { uid, allowed: true, ...(isMutating && { patchType: "JSONPatch", patch }) };
      const review = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: answer };
      response.end(JSON.stringify(review));
    });
  });
  server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as AddressInfo).port, []));
}

async function main(): Promise<void> {
  const authority = await createCertificateAuthority("hooks", systemClock);
  const subject = { commonName: "hook", ipAddresses: ["127.0.0.1"], usages: ["server"] as const };
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(
    authority,
    subject,
    systemClock,
  );
  const worker = new Worker(import.meta.filename, { workerData: { cert, key } });
  const port = await new Promise<number>((resolve) => {
    worker.once("message", resolve);
  });
  const ca = authority.certificatePem;
  const plain = await creates("without webhooks and policies", async () => {}, undefined);
  const limit = { value: plain, name: "the same create without" };
  await creates(`${POLICIES} CEL policies`, registerPolicies, limit);
  const floor = await exchanges(port, ca);
  const hooks = (server: ApiServer): Promise<void> => registerHooks(server, port, ca);
  const both = { value: plain + 2 * floor, name: "the same without, and two HTTPS exchanges" };
  await creates("two webhooks", hooks, both);
  const all = async (server: ApiServer): Promise<void> => {
    await registerPolicies(server);
    await hooks(server);
  };
  await creates(`two webhooks and ${POLICIES} CEL policies`, all, both);
  await worker.terminate();
}

/** Nanoseconds of one create, one after the other. */
async function creates(
  what: string,
  register: (server: ApiServer) => Promise<void>,
  limit: { readonly value: number; readonly name: string } | undefined,
): Promise<number> {
  const store = await openMemoryStore();
  const server = await createApiServer({ store });
  await register(server);
  let count = 0;
  const value = await bench({
    name: `admission: create of a ConfigMap, ${what}`,
    operations: CREATES,
    ...(limit !== undefined && { limit }),
    run: async () => {
      for (let i = 0; i < CREATES; i++) {
        const object = { metadata: { name: `c${count++}` }, data: { size: "3", color: "green" } };
        await post(server, "/api/v1/namespaces/default/configmaps", object);
      }
    },
  });
  await server.close();
  await store.close();
  return value;
}

async function post(server: ApiServer, path: string, body: object): Promise<void> {
  await server.transport().request({ method: "POST", path, body }, forever);
}

async function registerPolicies(server: ApiServer): Promise<void> {
  for (let i = 0; i < POLICIES; i++) {
    const name = `policy-${i}.example.com`;
    await post(server, `${GROUP}/validatingadmissionpolicies`, {
      metadata: { name },
      spec: {
        matchConstraints: { resourceRules: [RULE] },
        validations: [{ expression: `int(object.data.size) < ${10 + i} && object.data.color != 'red'` }],
      },
    });
    await post(server, `${GROUP}/validatingadmissionpolicybindings`, {
      metadata: { name },
      spec: { policyName: name, validationActions: ["Deny"] },
    });
  }
}

async function registerHooks(server: ApiServer, port: number, ca: string): Promise<void> {
  for (const kind of ["mutating", "validating"]) {
    const url = `https://127.0.0.1:${port}/${kind === "mutating" ? "mutate" : "validate"}`;
    await post(server, `${GROUP}/${kind}webhookconfigurations`, {
      metadata: { name: kind },
      webhooks: [
        {
          name: `${kind}.example.com`,
          clientConfig: { url, caBundle: Buffer.from(ca).toString("base64") },
          rules: [RULE],
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
        },
      ],
    });
  }
}

/** The floor: as many bytes there and back, on a connection that is kept. */
async function exchanges(port: number, ca: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, ca });
  const body = JSON.stringify({ request: { uid: "u", object: "x".repeat(1_500) } });
  const value = await bench({
    name: "admission: floor, HTTPS exchange of a review",
    operations: CREATES,
    run: async () => {
      for (let i = 0; i < CREATES; i++) await exchange(port, agent, body);
    },
  });
  agent.destroy();
  return value;
}

function exchange(port: number, agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-length": Buffer.byteLength(body) };
    const sent = request({ host: "127.0.0.1", port, method: "POST", path: "/validate", agent, headers });
    sent.once("response", (response) => response.resume().once("end", resolve));
    sent.once("error", reject);
    sent.end(body);
  });
}
