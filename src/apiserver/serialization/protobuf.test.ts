import assert from "node:assert/strict";
import * as http2 from "node:http2";
import { after, before, suite, test } from "node:test";
import {
  decodeProtobuf,
  decodeWatchEvent,
  encodeProtobuf,
  isProtobuf,
  parseYaml,
  PROTOBUF_MEDIA_TYPE,
  protobufTypeOf,
  systemClock,
  type JsonObject,
} from "#apimachinery";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { openMemoryStore } from "#storage";
import { createApiServer, type ApiServer } from "../index.ts";
import { partialMetadataForm, protobufSchemaOf } from "./protobuf-form.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
const PARTIAL = `${PROTOBUF_MEDIA_TYPE};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
const PARTIAL_LIST = PARTIAL.replace(";g", "List;g");

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

let server: ApiServer;
let session: http2.ClientHttp2Session;

before(async () => {
  const ca = await createCertificateAuthority("test", systemClock);
  const subject = { commonName: "kube-apiserver", ipAddresses: ["127.0.0.1"], usages: ["server"] } as const;
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(ca, subject, systemClock);
  server = await createApiServer({
    store: await openMemoryStore(),
    tls: { cert, key },
    authorizer: { authorize: () => ({ allowed: true }) },
    freezeObjects: true,
  });
  const [address] = await server.listen([{ host: "127.0.0.1", port: 0 }]);
  session = http2.connect(`https://127.0.0.1:${address!.port}`, { rejectUnauthorized: false });
});

after(async () => {
  session.close();
  await server.close();
});

function open(method: string, path: string, accept: string, body?: Uint8Array, type = PROTOBUF_MEDIA_TYPE) {
  const headers = { ":method": method, ":path": path, accept, ...(body && { "content-type": type }) };
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return stream;
}

async function send(...sent: Parameters<typeof open>): Promise<Answer> {
  const stream = open(...sent);
  const response = Promise.withResolvers<http2.IncomingHttpHeaders>();
  stream.on("response", response.resolve);
  stream.on("error", response.reject);
  const headers = await response.promise;
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return {
    status: Number(headers[":status"]),
    type: String(headers["content-type"]),
    body: Buffer.concat(chunks),
  };
}

function encode(object: JsonObject): Uint8Array {
  return encodeProtobuf(object, protobufSchemaOf(object as never)!);
}

/** As plain JSON, whatever it came as. */
function decode({ body }: Pick<Answer, "body">): JsonObject {
  if (!isProtobuf(body)) return JSON.parse(body.toString()) as JsonObject;
  const partialItems = { name: "items", protobuf: [2] };
  const schemaOf: Parameters<typeof decodeProtobuf>[1] = (type) => {
    const { schema } = partialMetadataForm("meta.k8s.io/v1");
    if (type.kind === "PartialObjectMetadata") return schema;
    if (type.kind !== "PartialObjectMetadataList") return protobufSchemaOf(type);
    const items = { ...partialItems, schema: { type: "list", items: schema } } as const;
    const metadata = protobufSchemaOf({ apiVersion: "v1", kind: "ConfigMapList" })!.fields.get("metadata")!;
    return {
      ...schema,
      fields: new Map([
        ["items", items],
        ["metadata", metadata],
      ] as never),
    };
  };
  return JSON.parse(JSON.stringify(decodeProtobuf(body, schemaOf))) as JsonObject;
}

function yaml({ body }: Answer): JsonObject {
  return parseYaml(body.toString()) as JsonObject;
}

const configMap = (name: string, data: Record<string, string> = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});
const deployment = (name: string): JsonObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "c", image: "i", ports: [{ containerPort: 80 }] }] },
    },
  },
});

suite("protobuf over HTTP", () => {
  test("objects come and go in protobuf, and mean what their JSON means", async () => {
    const made = await send("POST", DEPLOYMENTS, PROTOBUF_MEDIA_TYPE, encode(deployment("d")));
    assert.deepEqual([made.status, made.type], [201, PROTOBUF_MEDIA_TYPE]);
    assert.deepEqual(protobufTypeOf(made.body), { apiVersion: "apps/v1", kind: "Deployment" });
    const json = await send("GET", `${DEPLOYMENTS}/d`, "application/json");
    assert.deepEqual(decode(made), decode(json));
    const changed = decode(made) as { spec: JsonObject };
    const body = encode({ ...changed, spec: { ...changed.spec, replicas: 0 } });
    const put = await send("PUT", `${DEPLOYMENTS}/d`, `${PROTOBUF_MEDIA_TYPE},application/json`, body);
    assert.equal((decode(put)["spec"] as JsonObject)["replicas"], 0);
    const scale = decode(await send("GET", `${DEPLOYMENTS}/d/scale`, PROTOBUF_MEDIA_TYPE));
    assert.deepEqual([scale["kind"], scale["spec"]], ["Scale", {}]);
  });

  test("a body that does not say what it is, is what the path says", async () => {
    const schema = protobufSchemaOf({ apiVersion: "v1", kind: "ConfigMap" })!;
    const body = encodeProtobuf({ metadata: { name: "untold" }, data: { a: "b" } }, schema);
    const made = decode(await send("POST", CONFIG_MAPS, PROTOBUF_MEDIA_TYPE, body));
    assert.deepEqual([made["kind"], made["data"]], ["ConfigMap", { a: "b" }]);
  });

  test("deletes read their options in protobuf and answer a Status in it", async () => {
    await send("POST", CONFIG_MAPS, PROTOBUF_MEDIA_TYPE, encode(configMap("gone")));
    const options = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: "other" } };
    const refused = await send("DELETE", `${CONFIG_MAPS}/gone`, PROTOBUF_MEDIA_TYPE, encode(options));
    assert.deepEqual([refused.status, decode(refused)["reason"]], [409, "Conflict"]);
    const none = encode({ apiVersion: "meta.k8s.io/v1", kind: "DeleteOptions" });
    const done = await send("DELETE", `${CONFIG_MAPS}/gone`, PROTOBUF_MEDIA_TYPE, none);
    assert.deepEqual([done.status, done.type], [200, PROTOBUF_MEDIA_TYPE]);
    assert.equal(decode(done)["status"], "Success");
    const missing = await send("GET", `${CONFIG_MAPS}/gone`, PROTOBUF_MEDIA_TYPE);
    assert.deepEqual([missing.status, decode(missing)["reason"]], [404, "NotFound"]);
  });

  test("lists of any length are those of JSON", async () => {
    for (let i = 0; i < 8; i++) {
      const body = encode(configMap(`large-${i}`, { text: "x".repeat(100_000) }));
      await send("POST", CONFIG_MAPS, PROTOBUF_MEDIA_TYPE, body);
    }
    const list = await send("GET", CONFIG_MAPS, PROTOBUF_MEDIA_TYPE);
    assert.equal(list.type, PROTOBUF_MEDIA_TYPE);
    assert.ok(list.body.length > 800_000);
    const { items, ...rest } = decode(await send("GET", CONFIG_MAPS, "application/json"));
    const bare = (items as readonly JsonObject[]).map(({ kind: _k, apiVersion: _a, ...item }) => item);
    assert.deepEqual(decode(list), { ...rest, items: bare });
    const page = decode(await send("GET", `${CONFIG_MAPS}?limit=1`, PROTOBUF_MEDIA_TYPE));
    assert.ok((page["metadata"] as JsonObject)["continue"]);
  });

  test("metadata alone comes in protobuf; a Table never does", async () => {
    await send("POST", CONFIG_MAPS, PROTOBUF_MEDIA_TYPE, encode(configMap("m", { a: "b" })));
    const one = await send("GET", `${CONFIG_MAPS}/m`, PARTIAL);
    assert.deepEqual(protobufTypeOf(one.body), {
      apiVersion: "meta.k8s.io/v1",
      kind: "PartialObjectMetadata",
    });
    const whole = decode(await send("GET", `${CONFIG_MAPS}/m`, "application/json"));
    assert.deepEqual(decode(one)["metadata"], whole["metadata"]);
    const list = decode(await send("GET", CONFIG_MAPS, PARTIAL_LIST));
    assert.equal(list["kind"], "PartialObjectMetadataList");
    const items = list["items"] as readonly { readonly metadata: JsonObject }[];
    assert.ok(items.some(({ metadata }) => metadata["name"] === "m"));
    const table = "as=Table;g=meta.k8s.io;v=v1";
    const accept = `${PROTOBUF_MEDIA_TYPE};${table},application/json;${table}`;
    assert.equal(decode(await send("GET", CONFIG_MAPS, accept))["kind"], "Table");
  });

  test("a watch is frames of events, with bookmarks and errors", async () => {
    const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const stream = open("GET", `${CONFIG_MAPS}?${query}`, PROTOBUF_MEDIA_TYPE);
    const events = framesOf(stream);
    let type = "";
    while (type !== "BOOKMARK") type = (await events.next()).value!.type;
    await send("POST", CONFIG_MAPS, PROTOBUF_MEDIA_TYPE, encode(configMap("watched")));
    const { value } = await events.next();
    assert.equal(value!.type, "ADDED");
    const read = await send("GET", `${CONFIG_MAPS}/watched`, PROTOBUF_MEDIA_TYPE);
    assert.deepEqual(Buffer.from(value!.object), read.body);
    stream.close();
    const partial = open("GET", `${CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3Dwatched`, PARTIAL);
    const shown = (await framesOf(partial).next()).value!;
    assert.equal(protobufTypeOf(shown.object).kind, "PartialObjectMetadata");
    partial.close();
  });

  const patch = Buffer.from("{}");
  const refusals: readonly (readonly [string, Parameters<typeof send>, number, RegExp])[] = [
    [
      "bodies of an unknown type",
      ["POST", CONFIG_MAPS, "application/json", patch, "text/x"],
      415,
      /include: application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf$/,
    ],
    [
      "patches in protobuf",
      ["PATCH", `${CONFIG_MAPS}/m`, PROTOBUF_MEDIA_TYPE, patch],
      415,
      /include: application\/json-patch\+json, /,
    ],
    [
      "Tables in protobuf",
      ["GET", CONFIG_MAPS, `${PROTOBUF_MEDIA_TYPE};as=Table;g=meta.k8s.io;v=v1`],
      406,
      /accepted: application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf$/,
    ],
    [
      "watches in YAML",
      ["GET", `${CONFIG_MAPS}?watch=1`, "application/yaml"],
      406,
      /accepted: application\/json;stream=watch, application\/vnd\.kubernetes\.protobuf;stream=watch$/,
    ],
    ["what is no protobuf", ["POST", CONFIG_MAPS, "", patch], 400, /expected prefix/],
    ["kinds that nobody knows", ["POST", CONFIG_MAPS, "", wrapped("x/v1", "X")], 400, /no kind "X"/],
    ["another kind", ["POST", CONFIG_MAPS, "", encode(deployment("x"))], 400, /cannot be handled as a Conf/],
  ];
  for (const [what, sent, status, message] of refusals) {
    test(`refuses ${what}`, async () => {
      const answer = await send(...sent);
      assert.equal(answer.status, status);
      const { message: said } = answer.type === "application/yaml" ? yaml(answer) : decode(answer);
      assert.match(said as string, message);
    });
  }
});

function wrapped(apiVersion: string, kind: string): Uint8Array {
  return encodeProtobuf({ apiVersion, kind }, { type: "struct", name: kind, fields: new Map() });
}

async function* framesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<ReturnType<typeof decodeWatchEvent>> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      yield decodeWatchEvent(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
  }
}
