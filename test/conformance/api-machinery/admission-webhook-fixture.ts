/** Webhooks in the test's own process, on loopback, and configurations that concern one test's namespace alone. @module */
import { createServer } from "node:https";
import { json } from "node:stream/consumers";
import type { AddressInfo } from "node:net";
import { MutatingWebhookConfigurations } from "#api/admissionregistration/v1/mutatingwebhookconfiguration";
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "#api/admissionregistration/v1/types.gen";
import { ValidatingWebhookConfigurations } from "#api/admissionregistration/v1/validatingwebhookconfiguration";
import { systemClock, type KubeObject } from "#apimachinery";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import type { ConformanceContext } from "../harness/index.ts";

const API_VERSION = "admissionregistration.k8s.io/v1";

export interface ReviewRequest {
  readonly uid: string;
  readonly operation: string;
  readonly kind: { readonly kind: string };
  readonly name?: string;
  readonly object: (KubeObject & { readonly data?: Readonly<Record<string, string>> }) | null;
  readonly oldObject: (KubeObject & { readonly data?: Readonly<Record<string, string>> }) | null;
}

/** What a webhook answers, without the request's uid. */
export type Handler = (request: ReviewRequest) => object | Promise<object>;

export interface Hook {
  readonly url: string;
  readonly caBundle: string;
}

interface Listening {
  readonly hooks: Map<string, Handler>;
  readonly base: string;
  readonly caBundle: string;
}

interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly caBundle: string;
}

let certificate: Promise<Certificate> | undefined;
const servers = new WeakMap<ConformanceContext, Promise<Listening>>();

async function issue(): Promise<Certificate> {
  const ca = await createCertificateAuthority("webhooks", systemClock);
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(
    ca,
    { commonName: "hook", ipAddresses: ["127.0.0.1"], usages: ["server"] },
    systemClock,
  );
  return { cert, key, caBundle: Buffer.from(ca.certificatePem).toString("base64") };
}

/** The server of a test, until the test ends; each of its webhooks has a path of its own. */
async function listen(t: ConformanceContext): Promise<Listening> {
  certificate ??= issue();
  const { cert, key, caBundle } = await certificate;
  const hooks = new Map<string, Handler>();
  const server = createServer({ cert, key }, (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "https://hook");
    void answer(hooks.get(pathname), request).then((review) => response.end(JSON.stringify(review)));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  t.cleanup(async () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { hooks, base: `https://127.0.0.1:${port}`, caBundle };
}

async function answer(handler: Handler | undefined, request: NodeJS.ReadableStream): Promise<object> {
  const { request: asked } = (await json(request)) as { readonly request: ReviewRequest };
  const given = (await handler?.(asked)) ?? { allowed: false, status: { message: "no such webhook" } };
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: { uid: asked.uid, ...given },
  };
}

/** A webhook of the test, as its configuration names it. */
export async function serveHook(t: ConformanceContext, name: string, handler: Handler): Promise<Hook> {
  const server = servers.get(t) ?? listen(t);
  servers.set(t, server);
  const { hooks, base, caBundle } = await server;
  const path = `/${name}`;
  hooks.set(path, handler);
  return { url: `${base}${path}`, caBundle };
}

export const deny =
  (message: string): Handler =>
  () => ({ allowed: false, status: { message } });

/** Base64 of JSON patch operations, as an answer. */
export function patching(...operations: readonly object[]): object {
  const patch = Buffer.from(JSON.stringify(operations)).toString("base64");
  return { allowed: true, patchType: "JSONPatch", patch };
}

/** Adds `key: "yes"` to the data of what has data without it. */
export const addsData =
  (key: string): Handler =>
  ({ object }) => {
    if (object?.data === undefined || key in object.data) return { allowed: true };
    return patching({ op: "add", path: `/data/${key}`, value: "yes" });
  };

export function rule(
  resource: string,
  operations: readonly string[] = ["CREATE"],
  group = "",
): RuleWithOperations {
  return { apiGroups: [group], apiVersions: ["*"], operations, resources: [resource] };
}

type Extra = Partial<ValidatingWebhook & MutatingWebhook>;

/** For the test's namespace and, where there is none, for objects that bear its label. */
export function webhook(
  t: ConformanceContext,
  { url, caBundle }: Hook,
  rules: readonly RuleWithOperations[],
  extra: Extra = {},
): ValidatingWebhook {
  return {
    name: `hook.${t.unique}.example.com`,
    clientConfig: { url, caBundle },
    rules,
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": t.namespace } },
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    ...extra,
  };
}

/** Cluster-scoped objects are in no namespace: only those with the test's label concern its webhooks. */
export function ofTest(t: ConformanceContext): Extra {
  return { objectSelector: { matchLabels: { test: t.unique } }, namespaceSelector: {} };
}

export async function validate(
  t: ConformanceContext,
  webhooks: readonly ValidatingWebhook[],
  name: string = t.unique,
): Promise<ValidatingWebhookConfiguration> {
  t.cleanup((undoing) => t.client.delete(ValidatingWebhookConfigurations, { name }, undoing));
  return t.client.create(ValidatingWebhookConfigurations, validating(name, webhooks, t), t.signal);
}

export function validating(
  name: string,
  webhooks: readonly ValidatingWebhook[],
  { unique }: ConformanceContext,
): ValidatingWebhookConfiguration {
  const metadata = { name, labels: { test: unique } };
  return { apiVersion: API_VERSION, kind: "ValidatingWebhookConfiguration", metadata, webhooks };
}

export async function mutate(
  t: ConformanceContext,
  webhooks: readonly MutatingWebhook[],
  name: string = t.unique,
): Promise<MutatingWebhookConfiguration> {
  t.cleanup((undoing) => t.client.delete(MutatingWebhookConfigurations, { name }, undoing));
  return t.client.create(MutatingWebhookConfigurations, mutating(name, webhooks, t), t.signal);
}

export function mutating(
  name: string,
  webhooks: readonly MutatingWebhook[],
  { unique }: ConformanceContext,
): MutatingWebhookConfiguration {
  const metadata = { name, labels: { test: unique } };
  return { apiVersion: API_VERSION, kind: "MutatingWebhookConfiguration", metadata, webhooks };
}
