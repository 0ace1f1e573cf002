/** Webhooks that behave and that do not, over real TLS on loopback. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { openMemoryStore } from "#storage";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { pod, startAdmissionServer, type AdmissionServer } from "./admission-server.ts";

const CORE = "/api/v1/namespaces/default";
const CONFIG_MAPS = `${CORE}/configmaps`;
const GROUP = "/apis/admissionregistration.k8s.io/v1";

interface ReviewRequest {
  readonly uid: string;
  readonly kind: { readonly kind: string; readonly version: string };
  readonly resource: { readonly resource: string; readonly version: string };
  readonly requestKind: { readonly version: string };
  readonly operation: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subResource?: string;
  readonly dryRun: boolean;
  readonly object: { readonly data?: Record<string, string>; readonly apiVersion: string } | null;
  readonly oldObject: object | null;
  readonly userInfo: { readonly username: string };
}

/** What the webhook answers; a string is sent as it is, undefined never comes. */
type Respond = (request: ReviewRequest) => object | string | undefined;

let webhook: Server;
let caBundle = "";
let port = 0;
let respond: Respond = () => ({ allowed: true });
let seen: ReviewRequest[] = [];

before(async () => {
  const ca = await createCertificateAuthority("webhooks", systemClock);
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(
    ca,
    { commonName: "hook", ipAddresses: ["127.0.0.1"], dnsNames: ["hook.default.svc"], usages: ["server"] },
    systemClock,
  );
  caBundle = Buffer.from(ca.certificatePem).toString("base64");
  webhook = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const review = JSON.parse(Buffer.concat(chunks).toString()) as { request: ReviewRequest };
      seen.push(review.request);
      const answer = respond(review.request);
      if (answer === undefined) return;
      if (typeof answer === "string") {
        response.end(answer);
        return;
      }
      const { uid } = review.request;
      const full = {
        apiVersion: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response: { uid, ...answer },
      };
      response.end(JSON.stringify(full));
    });
  });
  await new Promise<void>((resolve) => {
    webhook.listen(0, "127.0.0.1", resolve);
  });
  ({ port } = webhook.address() as AddressInfo);
});
after(() => {
  webhook.closeAllConnections();
  webhook.close();
});
beforeEach(() => {
  seen = [];
  respond = () => ({ allowed: true });
});

const RULE = { operations: ["*"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] };

async function register(
  cluster: AdmissionServer,
  kind: "validating" | "mutating",
  name: string,
  more: object = {},
): Promise<void> {
  const hook = {
    name: `${name}.example.com`,
    clientConfig: { url: `https://127.0.0.1:${port}/${name}`, caBundle },
    rules: [RULE],
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    timeoutSeconds: 5,
    ...more,
  };
  await cluster.send("POST", `${GROUP}/${kind}webhookconfigurations`, {
    metadata: { name },
    webhooks: [hook],
  });
}

function patch(...operations: readonly object[]): object {
  const text = JSON.stringify(operations);
  return { allowed: true, patchType: "JSONPatch", patch: Buffer.from(text).toString("base64") };
}

const configMap = (name: string, more: object = {}): object => ({
  metadata: { name },
  data: { a: "1" },
  ...more,
});

suite("ValidatingAdmissionWebhook", () => {
  test("a webhook sees the request, counts at once, and its refusal is told", async () => {
    await using cluster = await startAdmissionServer();
    respond = () => ({ allowed: false, status: { code: 403, message: "not today" }, warnings: ["careful"] });
    await register(cluster, "validating", "deny");
    const { message, code } = await cluster.refused("POST", CONFIG_MAPS, configMap("a"));
    assert.equal(message, 'admission webhook "deny.example.com" denied the request: not today');
    assert.equal(code, 403);
    const { operation, namespace, name, kind, dryRun, object, userInfo } = seen[0]!;
    assert.deepEqual(
      { operation, namespace, name, kind: kind.kind, dryRun, data: object?.data, user: userInfo.username },
      {
        operation: "CREATE",
        namespace: "default",
        name: "a",
        kind: "ConfigMap",
        dryRun: false,
        data: { a: "1" },
        user: "system:apiserver",
      },
    );
    await cluster.send("DELETE", `${GROUP}/validatingwebhookconfigurations/deny`);
    await cluster.send("POST", CONFIG_MAPS, configMap("a"));
    assert.equal(seen.length, 1);
  });

  test("a refusal without words or code is a 400", async () => {
    await using cluster = await startAdmissionServer();
    respond = () => ({ allowed: false });
    await register(cluster, "validating", "deny");
    const { message, code } = await cluster.refused("POST", CONFIG_MAPS, configMap("a"));
    assert.equal(message, 'admission webhook "deny.example.com" denied the request without explanation');
    assert.equal(code, 400);
  });

  test("a deletion shows the old object", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("POST", CONFIG_MAPS, configMap("a"));
    await register(cluster, "validating", "deny");
    respond = ({ operation }) => ({ allowed: operation !== "DELETE" });
    assert.equal((await cluster.refused("DELETE", `${CONFIG_MAPS}/a`)).code, 400);
    assert.equal(seen[0]!.object, null);
    assert.notEqual(seen[0]!.oldObject, null);
  });

  test("selectors and conditions choose what is asked", async () => {
    await using cluster = await startAdmissionServer();
    respond = () => ({ allowed: false });
    await register(cluster, "validating", "selective", {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "default" } },
      objectSelector: { matchLabels: { guarded: "yes" } },
      matchConditions: [
        { name: "not-free", expression: "!has(object.data) || object.data.a != 'free'" },
        { name: "not-root", expression: "request.userInfo.username != 'root'" },
      ],
    });
    const labels = { guarded: "yes" };
    await cluster.send("POST", CONFIG_MAPS, configMap("a"));
    await cluster.send(
      "POST",
      CONFIG_MAPS,
      configMap("b", { metadata: { name: "b", labels }, data: { a: "free" } }),
    );
    await cluster.send(
      "POST",
      "/api/v1/namespaces/kube-system/configmaps",
      configMap("c", { metadata: { name: "c", labels } }),
    );
    assert.equal(seen.length, 0);
    await cluster.refused("POST", CONFIG_MAPS, configMap("d", { metadata: { name: "d", labels } }));
  });

  test("conditions that do not compile are refused", async () => {
    await using cluster = await startAdmissionServer();
    const hook = {
      name: "a.example.com",
      clientConfig: { url: "https://127.0.0.1:1/" },
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      matchConditions: [{ name: "broken", expression: "object.data.(" }],
    };
    const body = { metadata: { name: "a" }, webhooks: [hook] };
    const { code, message } = await cluster.refused("POST", `${GROUP}/validatingwebhookconfigurations`, body);
    assert.equal(code, 422);
    assert.match(
      message,
      /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed/,
    );
  });

  test("a Service is reached at its endpoints, under its own name", async () => {
    await using cluster = await startAdmissionServer({
      resolveService: (namespace, name) => {
        assert.equal(`${namespace}/${name}`, "default/hook");
        return { host: "127.0.0.1", port };
      },
    });
    const service = { namespace: "default", name: "hook", path: "/check" };
    await register(cluster, "validating", "deny", { clientConfig: { service, caBundle } });
    respond = () => ({ allowed: false });
    await cluster.refused("POST", CONFIG_MAPS, configMap("a"));
    assert.equal(seen.length, 1);
  });

  test("a Service without endpoints is a failure", async () => {
    await using cluster = await startAdmissionServer();
    const service = { namespace: "default", name: "hook" };
    await register(cluster, "validating", "deny", { clientConfig: { service, caBundle } });
    const { message } = await cluster.refused("POST", CONFIG_MAPS, configMap("a"));
    assert.match(
      message,
      /failed calling webhook "deny\.example\.com": failed to call webhook: Post "https:\/\/hook\.[a-z-]+\.svc:\d+\/.*\?timeout=\d+s": service "hook" not found$/,
    );
  });

  test("a connection is asked about before it is made", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("POST", `${CORE}/pods`, pod("p", {}, { nodeName: "n" }));
    const rule = { ...RULE, operations: ["CONNECT"], resources: ["pods/exec"] };
    await register(cluster, "validating", "deny", { rules: [rule] });
    respond = () => ({ allowed: false });
    await cluster.refused("POST", `${CORE}/pods/p/exec?command=sh&tty=true`);
    const { kind, object, subResource, name } = seen[0]!;
    assert.deepEqual(
      { kind: kind.kind, object, subResource, name },
      {
        kind: "PodExecOptions",
        object: { apiVersion: "v1", kind: "PodExecOptions", command: ["sh"], tty: true },
        subResource: "exec",
        name: "p",
      },
    );
  });

  test("an eviction is shown as one", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("POST", `${CORE}/pods`, pod("p"));
    const rule = { ...RULE, resources: ["pods/eviction"] };
    await register(cluster, "validating", "deny", { rules: [rule] });
    respond = () => ({ allowed: false });
    await cluster.refused("POST", `${CORE}/pods/p/eviction`, { metadata: { name: "p" } });
    assert.deepEqual([seen[0]!.kind.kind, seen[0]!.operation], ["Eviction", "CREATE"]);
    await cluster.send("GET", `${CORE}/pods/p`);
  });

  test("a dry run asks no webhook that has side effects", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "validating", "dry", { sideEffects: "NoneOnDryRun" });
    await cluster.send("POST", `${CONFIG_MAPS}?dryRun=All`, configMap("a"));
    assert.equal(seen[0]!.dryRun, true);
  });
});

suite("faults of webhooks", () => {
  const call = 'Internal error occurred: failed calling webhook "bad.example.com": ';
  const faults: readonly (readonly [name: string, respond: Respond, expected: string])[] = [
    [
      "garbage",
      () => "<html>",
      `${call}failed to call webhook: couldn't get version/kind; json parse error: invalid character '<' looking for beginning of value`,
    ],
    [
      "cut off",
      () => '{"kind":"AdmissionReview"',
      `${call}failed to call webhook: couldn't get version/kind; json parse error: unexpected end of JSON input`,
    ],
    [
      "another uid",
      () => ({ uid: "mine", allowed: true }),
      `${call}received invalid webhook response: expected response.uid=`,
    ],
    [
      "another kind",
      () =>
        JSON.stringify({ kind: "X", apiVersion: "v1", response: { uid: seen.at(-1)!.uid, allowed: true } }),
      `${call}received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got v1, Kind=X`,
    ],
    ["no response", () => "{}", `${call}received invalid webhook response: webhook response was absent`],
    [
      "a patch from a validating webhook",
      () => patch({ op: "remove", path: "/data" }),
      `${call}received invalid webhook response: validating webhook may not return response.patch`,
    ],
    [
      "5 MB",
      () => `{"a":"${"x".repeat(5_000_000)}"}`,
      `${call}failed to call webhook: the response body is larger than 3145728 bytes`,
    ],
  ];
  for (const [name, answer, expected] of faults) {
    test(`an answer that is ${name} refuses the request, unless failures are ignored`, async () => {
      await using cluster = await startAdmissionServer();
      await register(cluster, "validating", "bad");
      respond = answer;
      const { message, code } = await cluster.refused("POST", CONFIG_MAPS, configMap("a"));
      assert.ok(message.startsWith(expected), message);
      assert.equal(code, 500);
      const path = `${GROUP}/validatingwebhookconfigurations/bad`;
      await cluster.send("PATCH", path, [
        { op: "replace", path: "/webhooks/0/failurePolicy", value: "Ignore" },
      ]);
      await cluster.send("POST", CONFIG_MAPS, configMap("a"));
    });
  }

  test("a webhook that hangs is left after its timeout", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "validating", "bad", { timeoutSeconds: 1 });
    respond = () => undefined;
    const { message } = await cluster.refused("POST", CONFIG_MAPS, configMap("a"));
    const url = `https://127.0.0.1:${port}/bad?timeout=1s`;
    assert.equal(message, `${call}failed to call webhook: Post "${url}": context deadline exceeded`);
  });

  test("a webhook that is not there, or not who it says, is told in words", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "validating", "bad", { clientConfig: { url: "https://127.0.0.1:1/", caBundle } });
    const gone = await cluster.refused("POST", CONFIG_MAPS, configMap("a"));
    assert.match(
      gone.message,
      /Post "https:\/\/127\.0\.0\.1:1\/\?timeout=5s": dial tcp 127\.0\.0\.1:1: connect: connection refused$/,
    );
    const path = `${GROUP}/validatingwebhookconfigurations/bad`;
    const other = Buffer.from(
      (await createCertificateAuthority("other", systemClock)).certificatePem,
    ).toString("base64");
    const clientConfig = { url: `https://127.0.0.1:${port}/`, caBundle: other };
    await cluster.send("PATCH", path, [
      { op: "replace", path: "/webhooks/0/clientConfig", value: clientConfig },
    ]);
    const stranger = await cluster.refused("POST", CONFIG_MAPS, configMap("a"));
    assert.match(
      stranger.message,
      /tls: failed to verify certificate: x509: certificate signed by unknown authority$/,
    );
    assert.equal(seen.length, 0);
  });

  test("a server starts although a webhook for everything is gone", async () => {
    const store = await openMemoryStore();
    const everything = { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] };
    {
      await using first = await createApiServer({ store });
      const clientConfig = { url: "https://127.0.0.1:1/" };
      const more = { rules: [everything], clientConfig };
      const hook = { name: "a.b.c", sideEffects: "None", admissionReviewVersions: ["v1"], ...more };
      const path = `${GROUP}/validatingwebhookconfigurations`;
      const body = { metadata: { name: "all" }, webhooks: [hook] };
      // Something that the next start has to make again.
      const role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/view";
      await first.transport().request({ method: "DELETE", path: role }, new AbortController().signal);
      await first.transport().request({ method: "POST", path, body }, new AbortController().signal);
    }
    await using second = await createApiServer({ store });
    assert.ok(second);
  });

  test("webhooks are never asked about webhooks", async () => {
    await using cluster = await startAdmissionServer();
    const everything = { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] };
    await register(cluster, "validating", "bad", { rules: [everything] });
    respond = () => ({ allowed: false });
    await cluster.refused("POST", CONFIG_MAPS, configMap("a"));
    await cluster.send("DELETE", `${GROUP}/validatingwebhookconfigurations/bad`);
  });
});

suite("MutatingAdmissionWebhook", () => {
  test("patches are applied one after the other, before validation", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "mutating", "a-first");
    await register(cluster, "mutating", "b-second");
    let calls = 0;
    respond = ({ object }) => {
      calls++;
      return patch({ op: "add", path: `/data/call${calls}`, value: Object.keys(object!.data!).toString() });
    };
    const made = await cluster.send("POST", CONFIG_MAPS, configMap("x"));
    assert.deepEqual(made["data"], { a: "1", call1: "a", call2: "a,call1" });
    respond = () =>
      patch({ op: "add", path: "/unknown", value: 1 }, { op: "add", path: "/data/bad key", value: "x" });
    const { code, message } = await cluster.refused("POST", CONFIG_MAPS, configMap("y"));
    assert.equal(code, 422);
    assert.match(message, /data\[bad key\]/);
  });

  test("a webhook that wants it is asked again when others changed the object after it", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "mutating", "a-again", { reinvocationPolicy: "IfNeeded" });
    await register(cluster, "mutating", "b-once");
    const order: string[] = [];
    respond = ({ object }) => {
      const isFirst = object!.data!["b"] === undefined && order.length === 0;
      order.push(Object.keys(object!.data!).toString());
      return isFirst
        ? { allowed: true }
        : order.length === 2
          ? patch({ op: "add", path: "/data/b", value: "2" })
          : { allowed: true };
    };
    await cluster.send("POST", CONFIG_MAPS, configMap("x"));
    assert.deepEqual(order, ["a", "a", "a,b"]);
  });

  test("an invalid patch is an internal error, or a failure that may be ignored", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "mutating", "bad", { failurePolicy: "Ignore" });
    respond = () => patch({ op: "remove", path: "/not/there" });
    const { code } = await cluster.refused("POST", CONFIG_MAPS, configMap("x"));
    assert.equal(code, 500);
    respond = () => ({
      allowed: true,
      patchType: "JSONPatch",
      patch: Buffer.from("nonsense").toString("base64"),
    });
    await cluster.send("POST", CONFIG_MAPS, configMap("x"));
    respond = () => ({ allowed: true, patch: Buffer.from("[]").toString("base64") });
    await cluster.send("POST", CONFIG_MAPS, configMap("y"));
  });

  test("a rule of another version sees the object in that version, unless only exact matches count", async () => {
    await using cluster = await startAdmissionServer();
    const rules = [
      {
        operations: ["CREATE"],
        apiGroups: ["autoscaling"],
        apiVersions: ["v1"],
        resources: ["horizontalpodautoscalers"],
      },
    ];
    await register(cluster, "mutating", "exact", { rules, matchPolicy: "Exact" });
    await register(cluster, "mutating", "versions", { rules });
    respond = ({ object }) =>
      patch(
        { op: "test", path: "/apiVersion", value: object!.apiVersion },
        { op: "replace", path: "/spec/maxReplicas", value: 7 },
      );
    const scaleTargetRef = { kind: "Deployment", name: "d", apiVersion: "apps/v1" };
    const hpa = { metadata: { name: "h" }, spec: { scaleTargetRef, maxReplicas: 3 } };
    const path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    const made = await cluster.send("POST", path, hpa);
    assert.equal((made["spec"] as { maxReplicas: number }).maxReplicas, 7);
    assert.equal(made.apiVersion, "autoscaling/v2");
    const [only, ...others] = seen;
    assert.equal(others.length, 0);
    assert.deepEqual(
      [only!.object!.apiVersion, only!.kind.version, only!.requestKind.version],
      ["autoscaling/v1", "v1", "v2"],
    );
  });
});
