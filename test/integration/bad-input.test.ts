/** What clients get wrong, against a listening API server: a precise answer each, and nothing changes. */
import assert from "node:assert/strict";
import { request } from "node:https";
import { connect } from "node:tls";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import { createApiServer, newSecurity, type ApiServer, type ListenAddress } from "#apiserver";
import {
  createCertificateAuthority,
  generateServiceAccountKey,
  issueCertificate,
  type IssueOptions,
  type KeyPairPem,
} from "#component-base/pki";
import { openMemoryStore, type Store } from "#storage";

const BODY_MAX = 64 * 1024;
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

/** What a server renews by itself: its leases and addresses, and the statuses of flow schemas. */
const OWN_KEY = /\/(leases|masterleases|endpoints|endpointslices|flowschemas)\//;

/** What everybody else has written, each entry with its revision. */
async function stored(store: Store): Promise<readonly string[]> {
  const { entries } = await store.range({ prefix: "/registry/" });
  return entries.flatMap(({ key, revision }) => (OWN_KEY.test(key) ? [] : [`${key} ${revision}`]));
}

suite("bad input", () => {
  let store: Store;
  let server: ApiServer;
  let port = 0;
  let ca = "";
  let admin: KeyPairPem;
  let nobody: KeyPairPem;
  let stranger: KeyPairPem;
  let entries: readonly string[] = [];

  before(async () => {
    const authority = await createCertificateAuthority("kubernetes", systemClock);
    const others = await createCertificateAuthority("kubernetes", systemClock);
    const serving = await issueCertificate(
      authority,
      { commonName: "kube-apiserver", ipAddresses: ["127.0.0.1"], usages: ["server"] },
      systemClock,
    );
    admin = await issueCertificate(authority, client("kubernetes-admin", "system:masters"), systemClock);
    nobody = await issueCertificate(authority, client("nobody"), systemClock);
    stranger = await issueCertificate(others, client("kubernetes-admin", "system:masters"), systemClock);
    ca = authority.certificatePem;
    const security = newSecurity({
      clock: systemClock,
      clientCa: ca,
      serviceAccountKeys: (await generateServiceAccountKey()).privateKeyPem,
      issuer: "https://kubernetes.default.svc.cluster.local",
    });
    store = await openMemoryStore();
    server = await createApiServer({
      store,
      authenticator: security.authenticator,
      tokenIssuer: security.tokenIssuer,
      tls: { cert: serving.certificatePem, key: serving.privateKeyPem, clientCa: ca },
      disabledAdmissionPlugins: ["ServiceAccount", "StorageObjectInUseProtection"],
      limits: { bodyBytesMax: BODY_MAX },
    });
    [{ port }] = (await server.listen([{ host: "127.0.0.1", port: 0 }])) as [ListenAddress];
    const created = await send("POST", CONFIG_MAPS, { body: configMap("kept", { data: { a: "1" } }) });
    assert.equal(created.code, 201, created.text);
  });
  after(async () => {
    await server.close();
    await store.close();
  });
  beforeEach(async () => {
    entries = await stored(store);
  });
  afterEach(async () => {
    assert.deepEqual(await stored(store), entries, "a refused request must not write");
  });

  suite("invalid objects are 422 with one cause for each field", () => {
    const cases: readonly (readonly [name: string, path: string, body: object, causes: readonly string[]])[] =
      [
        [
          "a pod",
          PODS,
          {
            apiVersion: "v1",
            kind: "Pod",
            metadata: { name: "Bad_Name", labels: { "-": "x" } },
            spec: {
              restartPolicy: "Sometimes",
              containers: [
                { name: "a", image: "x", ports: [{ containerPort: 70000 }] },
                { name: "a", image: "y", volumeMounts: [{ name: "none", mountPath: "/x" }] },
              ],
            },
          },
          [
            "metadata.name FieldValueInvalid",
            "metadata.labels FieldValueInvalid",
            "spec.containers[0].ports[0].containerPort FieldValueInvalid",
            "spec.containers[1].name FieldValueDuplicate",
            "spec.containers[1].volumeMounts[0].name FieldValueNotFound",
            "spec.restartPolicy FieldValueNotSupported",
          ],
        ],
        [
          "a pod without containers",
          PODS,
          { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: {} },
          ["spec.containers FieldValueRequired"],
        ],
        [
          "a deployment whose selector misses its template",
          DEPLOYMENTS,
          {
            apiVersion: "apps/v1",
            kind: "Deployment",
            metadata: { name: "d" },
            spec: {
              replicas: -1,
              selector: { matchLabels: { app: "a" } },
              template: {
                metadata: { labels: { app: "b" } },
                spec: { containers: [{ name: "c", image: "i" }] },
              },
            },
          },
          ["spec.replicas FieldValueInvalid", "spec.template.metadata.labels FieldValueInvalid"],
        ],
        [
          "a service without ports",
          "/api/v1/namespaces/default/services",
          { apiVersion: "v1", kind: "Service", metadata: { name: "Bad_Name" }, spec: {} },
          ["metadata.name FieldValueInvalid", "spec.ports FieldValueRequired"],
        ],
        [
          "a config map with a bad key",
          CONFIG_MAPS,
          configMap("c", { data: { "a/b": "1" } }),
          ["data[a/b] FieldValueInvalid"],
        ],
      ];
    for (const [name, path, body, causes] of cases) {
      test(name, async () => {
        const { code, status } = await send("POST", path, { body });
        assert.equal(code, 422);
        assert.equal(status.reason, "Invalid");
        const given = status.details?.causes?.map((cause) => `${cause.field} ${cause.reason}`) ?? [];
        assert.deepEqual([...new Set(given)].toSorted(byText), causes.toSorted(byText));
        for (const { message } of status.details!.causes!) assert.notEqual(message, "");
        assert.match(status.message, / is invalid: /);
      });
    }

    test("an update that changes what must not change", async () => {
      const body = configMap("kept", { metadata: { uid: "00000000-0000-0000-0000-000000000000" } });
      const { code, status } = await send("PUT", `${CONFIG_MAPS}/kept`, { body });
      assert.equal(code, 409);
      assert.match(status.message, /Precondition failed: UID/);
    });
  });

  suite("fields that nobody knows", () => {
    const body = configMap("u", { data: { a: "1" }, colour: "red", metadata: { size: 3 } });

    test("Strict refuses them all at once", async () => {
      const { code, status } = await send("POST", `${CONFIG_MAPS}?fieldValidation=Strict`, { body });
      assert.equal(code, 400);
      assert.match(status.message, /strict decoding error: /);
      for (const field of ["colour", "metadata.size"])
        assert.ok(status.message.includes(`unknown field "${field}"`), status.message);
    });

    test("Warn, which is the default, warns and drops them", async () => {
      for (const query of ["?dryRun=All", "?dryRun=All&fieldValidation=Warn"]) {
        const { code, text, warnings } = await send("POST", CONFIG_MAPS + query, { body });
        assert.equal(code, 201);
        assert.match(warnings, /299 - "unknown field \\"colour\\""/);
        assert.match(warnings, /299 - "unknown field \\"metadata\.size\\""/);
        assert.doesNotMatch(text, /colour|size/);
      }
    });

    test("Ignore drops them in silence", async () => {
      const { code, text, warnings } = await send(
        "POST",
        `${CONFIG_MAPS}?dryRun=All&fieldValidation=Ignore`,
        {
          body,
        },
      );
      assert.equal(code, 201);
      assert.equal(warnings, "");
      assert.doesNotMatch(text, /colour/);
    });

    test("another word is 422", async () => {
      const { code, status } = await send("POST", `${CONFIG_MAPS}?fieldValidation=Loud`, { body });
      assert.equal(code, 422);
      assert.match(status.message, /fieldValidation: Unsupported value: "Loud"/);
    });
  });

  suite("a field that is there twice", () => {
    const raw = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"data":{"a":"1","a":"2"}}';

    test("Strict refuses it", async () => {
      const { code, status } = await send("POST", `${CONFIG_MAPS}?fieldValidation=Strict`, { raw });
      assert.equal(code, 400);
      assert.match(status.message, /strict decoding error: duplicate field "data\.a"/);
    });

    test("Warn warns, and the last one counts", async () => {
      const { code, text, warnings } = await send("POST", `${CONFIG_MAPS}?dryRun=All`, { raw });
      assert.equal(code, 201);
      assert.match(warnings, /duplicate field \\"data\.a\\"/);
      assert.match(text, /"a":"2"/);
    });
  });

  suite("bodies", () => {
    test("over the limit is 413", async () => {
      const body = configMap("big", { data: { a: "x".repeat(BODY_MAX) } });
      const { code, status } = await send("POST", CONFIG_MAPS, { body });
      assert.equal(code, 413);
      assert.equal(status.reason, "RequestEntityTooLarge");
    });

    test("over the limit without a length is 413 too", async () => {
      const body = configMap("big", { data: { a: "x".repeat(2 * BODY_MAX) } });
      const { code } = await send("POST", CONFIG_MAPS, { body, headers: { "transfer-encoding": "chunked" } });
      assert.equal(code, 413);
    });

    for (const [what, raw] of [
      ["nothing", ""],
      ["half an object", '{"apiVersion":"v1","kind":"ConfigMap"'],
      ["no object", "[1,2]"],
      ["text", "hello"],
      ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x7b])],
      ["another kind", '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}'],
      ["another version", '{"apiVersion":"v9","kind":"ConfigMap","metadata":{"name":"x"}}'],
      [
        "a field of the wrong type",
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":[1]}',
      ],
      ["another namespace than the path", '{"metadata":{"name":"x","namespace":"elsewhere"}}'],
    ] as const) {
      test(`${what} is 400`, async () => {
        const { code, status } = await send("POST", CONFIG_MAPS, { raw });
        assert.equal(code, 400, status.message);
        assert.equal(status.reason, "BadRequest");
      });
    }

    test("a name in the path that differs from the object's is 400", async () => {
      const { code } = await send("PUT", `${CONFIG_MAPS}/kept`, { body: configMap("other") });
      assert.equal(code, 400);
    });

    test("a patch that is no patch is 400, one that does not apply 422", async () => {
      const headers = { "content-type": "application/json-patch+json" };
      const path = `${CONFIG_MAPS}/kept`;
      assert.equal((await send("PATCH", path, { raw: '{"a":1}', headers })).code, 400);
      const raw = '[{"op":"remove","path":"/data/none"}]';
      assert.equal((await send("PATCH", path, { raw, headers })).code, 422);
    });

    test("an old resourceVersion is 409", async () => {
      const body = configMap("kept", { metadata: { resourceVersion: "1" } });
      const { code, status } = await send("PUT", `${CONFIG_MAPS}/kept`, { body });
      assert.equal(code, 409);
      assert.match(status.message, /the object has been modified/);
    });

    test("a name that is taken is 409", async () => {
      const { code, status } = await send("POST", CONFIG_MAPS, { body: configMap("kept") });
      assert.equal(code, 409);
      assert.equal(status.reason, "AlreadyExists");
    });
  });

  suite("requests", () => {
    for (const path of ["/nowhere", "/api/v1/nothings", "/apis/no.such/v1/things", `${CONFIG_MAPS}/absent`]) {
      test(`GET ${path} is 404`, async () => {
        assert.equal((await send("GET", path)).code, 404);
      });
    }

    for (const [method, path] of [
      ["POST", `${CONFIG_MAPS}/kept`],
      ["PUT", CONFIG_MAPS],
      ["PATCH", CONFIG_MAPS],
    ] as const) {
      test(`${method} ${path} is 405`, async () => {
        const { code } = await send(method, path, { body: configMap("kept") });
        assert.equal(code, 405);
      });
    }

    test("a media type that nobody reads is 415", async () => {
      const headers = { "content-type": "text/html" };
      const { code, status } = await send("POST", CONFIG_MAPS, { raw: "<p>", headers });
      assert.equal(code, 415);
      assert.equal(status.reason, "UnsupportedMediaType");
      const patch = await send("PATCH", `${CONFIG_MAPS}/kept`, { body: {} });
      assert.equal(patch.code, 415);
      assert.match(patch.status.message, /application\/strategic-merge-patch\+json/);
    });

    test("a media type that nobody writes is 406", async () => {
      const { code, text } = await send("GET", `${CONFIG_MAPS}/kept`, { headers: { accept: "text/html" } });
      assert.equal(code, 406);
      assert.match(text, /only the following media types are accepted/);
    });

    for (const query of [
      "labelSelector=a%20b%20c",
      "fieldSelector=spec.x%3D1",
      "limit=many",
      "continue=garbage",
      "resourceVersion=abc",
      "resourceVersionMatch=Exact",
    ]) {
      test(`a list with ${query} is refused`, async () => {
        const { code, text } = await send("GET", `${CONFIG_MAPS}?${query}`);
        assert.ok(code === 400 || code === 422, `${code} ${text}`);
      });
    }

    test("what is no HTTP is 400, and the connection ends", async () => {
      const answer = await sendRaw("GARBAGE\r\n\r\n");
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.match(await sendRaw("GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n"), /^HTTP\/1\.1 400 /);
    });
  });

  suite("credentials", () => {
    test("none: only what everyone may see", async () => {
      assert.equal((await send("GET", "/version", { as: undefined })).code, 200);
      for (const [method, path] of [
        ["GET", CONFIG_MAPS],
        ["POST", CONFIG_MAPS],
        ["DELETE", `${CONFIG_MAPS}/kept`],
      ] as const) {
        const { code, status } = await send(method, path, { as: undefined, body: configMap("x") });
        assert.equal(code, 403);
        assert.match(status.message, /User "system:anonymous" cannot \w+ resource "configmaps"/);
      }
    });

    test("a token that nobody issued is 401", async () => {
      const headers = { authorization: "Bearer made.up.token" };
      const { code, status } = await send("GET", CONFIG_MAPS, { as: undefined, headers });
      assert.equal(code, 401);
      assert.equal(status.reason, "Unauthorized");
      // not even with a good certificate beside it would a bad token be worse than none
    });

    test("a user without rights is 403 with who, what and where", async () => {
      const { code, status } = await send("DELETE", `${CONFIG_MAPS}/kept`, { as: nobody });
      assert.equal(code, 403);
      assert.ok(
        status.message.includes(
          'User "nobody" cannot delete resource "configmaps" in API group "" in the namespace "default"',
        ),
        status.message,
      );
    });

    test("a certificate of another authority is worth nothing", async () => {
      const { code } = await send("GET", CONFIG_MAPS, { as: stranger });
      assert.ok(code === 401 || code === 403, String(code));
    });
  });

  test("after all of it the object is as it was", async () => {
    const { text } = await send("GET", `${CONFIG_MAPS}/kept`);
    assert.match(text, /"data":\{"a":"1"\}/);
    const { text: all } = await send("GET", CONFIG_MAPS);
    assert.equal((JSON.parse(all) as { items: unknown[] }).items.length, 1);
  });

  interface Sending {
    readonly body?: object;
    readonly raw?: string | Buffer;
    readonly headers?: Readonly<Record<string, string>>;
    /** Default: the administrator. */
    readonly as?: KeyPairPem | undefined;
  }

  function send(method: string, path: string, sending: Sending = {}): Promise<Answer> {
    const { body, raw, headers } = sending;
    const identity = "as" in sending ? sending.as : admin;
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const req = request(
        {
          host: "127.0.0.1",
          port,
          ca,
          method,
          path,
          agent: false,
          ...(identity && { cert: identity.certificatePem, key: identity.privateKeyPem }),
          headers: {
            accept: "application/json",
            ...(payload !== undefined && { "content-type": "application/json" }),
            ...(payload !== undefined &&
              headers?.["transfer-encoding"] === undefined && {
                "content-length": Buffer.byteLength(payload),
              }),
            ...headers,
          },
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part: string) => (text += part));
          response.once("end", () => {
            const warnings = [response.headers["warning"] ?? []].flat().join(", ");
            resolve({ code: response.statusCode!, text, status: statusIn(text), warnings });
          });
          response.once("error", reject);
        },
      );
      req.once("error", reject);
      req.end(payload);
    });
  }

  function sendRaw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, ca, ALPNProtocols: ["http/1.1"] }, () =>
        socket.write(text),
      );
      let answer = "";
      socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
      socket.once("close", () => resolve(answer));
      socket.once("error", reject);
    });
  }
});

function client(commonName: string, ...organizations: readonly string[]): IssueOptions {
  return { commonName, organizations, usages: ["client"] };
}

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly status: Status;
  readonly warnings: string;
}

interface Status {
  readonly message: string;
  readonly reason?: string;
  readonly details?: {
    readonly causes?: readonly {
      readonly field: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

function statusIn(text: string): Status {
  try {
    return JSON.parse(text) as Status;
  } catch {
    return { message: text };
  }
}

function configMap(
  name: string,
  more: { readonly metadata?: object } & Record<string, unknown> = {},
): object {
  return { apiVersion: "v1", kind: "ConfigMap", ...more, metadata: { name, ...more.metadata } };
}

function byText(a: string, b: string): number {
  return a.localeCompare(b);
}
