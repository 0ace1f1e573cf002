/** Webhooks that mean harm: what they answer neither passes what it should not, nor hangs, nor changes what is not theirs. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import { openAdmissionOptions } from "#apiserver";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { pod, startAdmissionServer, type AdmissionServer } from "./admission-server.ts";

const CORE = "/api/v1/namespaces/default";
const CONFIG_MAPS = `${CORE}/configmaps`;
const GROUP = "/apis/admissionregistration.k8s.io/v1";
const FAILED = 'Internal error occurred: failed calling webhook "bad.example.com": failed to call webhook: ';

type Answer = (uid: string, response: ServerResponse, request: IncomingMessage) => void;

let webhook: Server;
let port = 0;
let ca = "";
let answer: Answer;
let asked = 0;
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-admission-"));
  const authority = await createCertificateAuthority("webhooks", systemClock);
  ca = authority.certificatePem;
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(
    authority,
    { commonName: "hook", ipAddresses: ["127.0.0.1"], usages: ["server"] },
    systemClock,
  );
  webhook = createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    asked++;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const sent = JSON.parse(text || "{}") as { request?: { uid: string } };
      answer(sent.request?.uid ?? "", response, request);
    });
  });
  await new Promise<void>((resolve) => {
    webhook.listen(0, "127.0.0.1", resolve);
  });
  ({ port } = webhook.address() as AddressInfo);
});
after(async () => {
  webhook.closeAllConnections();
  webhook.close();
  await rm(folder, { recursive: true });
});

async function register(
  cluster: AdmissionServer,
  kind: "validating" | "mutating" = "validating",
  more: object = {},
): Promise<void> {
  asked = 0;
  await cluster.send("POST", `${GROUP}/${kind}webhookconfigurations`, {
    metadata: { name: "bad" },
    webhooks: [
      {
        name: "bad.example.com",
        clientConfig: {
          url: `https://127.0.0.1:${port}/`,
          caBundle: Buffer.from(ca).toString("base64"),
        },
        rules: [{ operations: ["*"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        timeoutSeconds: 1,
        ...more,
      },
    ],
  });
}

const DEADLINE = /context deadline exceeded$/;
const create = { metadata: { name: "c" }, data: { a: "1" } };

function review(uid: string, more: object = {}): string {
  const response = { uid, allowed: true, ...more };
  return JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response });
}

function patching(...operations: readonly object[]): Answer {
  const patch = Buffer.from(JSON.stringify(operations)).toString("base64");
  return (uid, response) => void response.end(review(uid, { patchType: "JSONPatch", patch }));
}

suite("faults of webhooks on the wire", () => {
  const faults: readonly (readonly [what: string, answer: Answer, expected: RegExp])[] = [
    [
      "redirects elsewhere",
      (_, response) => void response.writeHead(307, { location: `https://127.0.0.1:${port}/other` }).end(),
      /the server responded with the status code 307 but did not return more information$/,
    ],
    [
      "answers 500 with a secret of its own in a long body",
      (_, response) => void response.writeHead(500).end("x".repeat(100_000)),
      /an error on the server \("x{200}"\) has prevented the request from succeeding$/,
    ],
    ["breaks off", (_, response) => void response.destroy(), /EOF$/],
    [
      "breaks off within its answer",
      (uid, response) => {
        response.writeHead(200, { "content-length": "100000" });
        response.write(review(uid), () => response.destroy());
      },
      /Post "https:/,
    ],
    ["never ends its answer", (uid, response) => void response.writeHead(200).write(review(uid)), DEADLINE],
    [
      "answers without end",
      (_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write("x".repeat(64 * 1024)));
          if (!response.destroyed) response.once("drain", more);
        };
        more();
      },
      /the response body is larger than 3145728 bytes$/,
    ],
  ];
  for (const [what, respond, expected] of faults) {
    test(`a webhook that ${what} refuses the request, and is asked once`, async () => {
      await using cluster = await startAdmissionServer();
      const timeoutSeconds = expected === DEADLINE ? 1 : 30;
      await register(cluster, "validating", { timeoutSeconds });
      answer = respond;
      const { message, code } = await cluster.refused("POST", CONFIG_MAPS, create);
      assert.ok(message.startsWith(FAILED), message);
      assert.match(message, expected);
      assert.deepEqual([code, asked], [500, 1]);
      await cluster.refused("GET", `${CONFIG_MAPS}/c`);
    });
  }

  test("a mutating webhook that lies about the uid changes nothing", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "mutating", { failurePolicy: "Ignore" });
    const patch = Buffer.from('[{"op":"add","path":"/data/evil","value":"1"}]').toString("base64");
    answer = (_, response) => void response.end(review("mine", { patchType: "JSONPatch", patch }));
    const made = await cluster.send("POST", CONFIG_MAPS, create);
    assert.deepEqual(made["data"], { a: "1" });
  });
});

suite("patches of webhooks", () => {
  test("a patch that makes the object invalid is refused as a client's would be", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "mutating");
    answer = patching({ op: "add", path: "/data/in~1valid", value: "1" });
    const { code, message } = await cluster.refused("POST", CONFIG_MAPS, create);
    assert.equal(code, 422);
    assert.match(message, /data\[in\/valid\]: Invalid value/);
  });

  test("a patch of the wrong types is refused", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "mutating");
    answer = patching({ op: "replace", path: "/data", value: [1] });
    assert.equal((await cluster.refused("POST", CONFIG_MAPS, create)).code, 500);
  });

  test("a patch cannot move an object to another name or namespace", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("POST", CONFIG_MAPS, create);
    await register(cluster, "mutating");
    for (const [path, value] of [
      ["/metadata/name", "other"],
      ["/metadata/namespace", "kube-system"],
    ]) {
      answer = patching({ op: "replace", path, value });
      await cluster.refused("PATCH", `${CONFIG_MAPS}/c`, { data: { b: "2" } });
    }
    answer = (uid, response) => void response.end(review(uid));
    await cluster.refused("GET", `${CONFIG_MAPS}/other`);
    await cluster.refused("GET", "/api/v1/namespaces/kube-system/configmaps/c");
  });

  test("a patch cannot reach what all objects of the process share", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "mutating");
    for (const path of [
      "/__proto__/polluted",
      "/constructor/prototype/polluted",
      "/data/__proto__/polluted",
    ]) {
      answer = patching({ op: "add", path, value: "yes" });
      await cluster.refused("POST", CONFIG_MAPS, create);
      assert.equal(({} as { polluted?: string }).polluted, undefined);
    }
  });

  test("a patch with as many copies as it likes is refused, not followed", async () => {
    await using cluster = await startAdmissionServer();
    await register(cluster, "mutating", { timeoutSeconds: 5 });
    const doubling = Array.from({ length: 40 }, () => ({ op: "copy", from: "/data", path: "/data/more" }));
    answer = patching(...doubling);
    assert.ok((await cluster.refused("POST", CONFIG_MAPS, create)).code >= 400);
    await cluster.refused("GET", `${CONFIG_MAPS}/c`);
  });
});

suite("the server's own credentials", () => {
  test("a webhook sees the token of its entry in the kubeconfig, and another one does not", async () => {
    const kubeconfig = join(folder, "webhooks.kubeconfig");
    await writeFile(
      kubeconfig,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        users: [
          { name: `127.0.0.1:${port}`, user: { token: "server-token" } },
          { name: "*.example.com", user: { token: "other-token" } },
        ],
      }),
    );
    const configFile = join(folder, "webhooks.json");
    const document = {
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "WebhookAdmissionConfiguration",
      kubeConfigFile: kubeconfig,
    };
    await writeFile(
      configFile,
      JSON.stringify({
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "AdmissionConfiguration",
        plugins: [{ name: "ValidatingAdmissionWebhook", configuration: document }],
      }),
    );
    const world = { clock: systemClock, random: Math.random };
    const flags = { enable: [], disable: ["ServiceAccount"], configFile };
    await using cluster = await startAdmissionServer(await openAdmissionOptions(flags, world));
    await register(cluster);
    const shown: (string | undefined)[] = [];
    answer = (uid, response, request) => {
      shown.push(request.headers.authorization);
      response.end(review(uid));
    };
    await cluster.send("POST", CONFIG_MAPS, create);
    await cluster.send("DELETE", `${GROUP}/validatingwebhookconfigurations/bad`);
    await register(cluster, "mutating");
    await cluster.send("POST", CONFIG_MAPS, { metadata: { name: "d" } });
    assert.deepEqual(shown, ["Bearer server-token", undefined]);
  });

  test("ImagePolicyWebhook asks once about the same images, and refuses with the reason", async () => {
    const kubeconfig = join(folder, "images.kubeconfig");
    const authority = Buffer.from(ca).toString("base64");
    await writeFile(
      kubeconfig,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [
          {
            name: "c",
            cluster: { server: `https://127.0.0.1:${port}/images`, "certificate-authority-data": authority },
          },
        ],
        users: [{ name: "u", user: { token: "t" } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
    );
    const configFile = join(folder, "images.yaml");
    await writeFile(
      configFile,
      JSON.stringify({ imagePolicy: { kubeConfigFile: kubeconfig, allowTTL: 30 } }),
    );
    const world = { clock: systemClock, random: Math.random };
    const flags = { enable: ["ImagePolicyWebhook"], disable: ["ServiceAccount"], configFile };
    await using cluster = await startAdmissionServer(await openAdmissionOptions(flags, world));
    asked = 0;
    let status: object = { allowed: true };
    answer = (_, response) => {
      const body = { apiVersion: "imagepolicy.k8s.io/v1alpha1", kind: "ImageReview", spec: {}, status };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    await cluster.send("POST", `${CORE}/pods`, pod("a"));
    await cluster.send("POST", `${CORE}/pods`, pod("b"));
    assert.equal(asked, 1);
    status = { allowed: false, reason: "not signed" };
    const { message } = await cluster.refused("POST", `${CORE}/pods`, pod("c", { image: "other" }));
    assert.equal(
      message,
      'pods "c" is forbidden: image policy webhook backend denied one or more images: not signed',
    );
  });
});

suite("quota races", () => {
  test("100 parallel creates of pods never exceed compute quotas, whatever each asks for", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("POST", `${CORE}/resourcequotas`, {
      metadata: { name: "q" },
      spec: { hard: { "requests.cpu": "10", pods: "40" } },
    });
    const hard = { "requests.cpu": "10", pods: "40" };
    const status = { hard, used: { "requests.cpu": "0", pods: "0" } };
    await cluster.send("PATCH", `${CORE}/resourcequotas/q/status`, { status });
    const creates = Array.from({ length: 100 }, (_, i) => {
      const cpu = `${100 + (i % 7) * 100}m`;
      return cluster.send("POST", `${CORE}/pods`, pod(`p${i}`, { resources: { requests: { cpu } } }));
    });
    for (const made of await Promise.allSettled(creates))
      if (made.status === "rejected") assert.match(String(made.reason), /exceeded quota: q/);
    const { items } = (await cluster.send("GET", `${CORE}/pods`)) as unknown as {
      items: { spec: { containers: { resources: { requests: { cpu: string } } }[] } }[];
    };
    const milli = items.reduce(
      (sum, { spec }) => sum + Number.parseInt(spec.containers[0]!.resources.requests.cpu, 10),
      0,
    );
    assert.ok(items.length <= 40 && milli <= 10_000, `${items.length} pods, ${milli}m`);
    // and what fits is not refused: the largest asks for 700m
    assert.ok(items.length === 40 || milli > 10_000 - 700, `${items.length} pods, ${milli}m`);
    const { used } = (await cluster.send("GET", `${CORE}/resourcequotas/q`))["status"] as {
      used: Record<string, string>;
    };
    assert.equal(used["pods"], String(items.length));
  });
});
