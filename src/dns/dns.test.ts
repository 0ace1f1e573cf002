import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, type DecodedPacket, type RecordType } from "dns-packet";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { answerFromZone, errorAnswer, fitDatagram, parseQuery, type Query } from "./answer.ts";
import { AnswerCache, ROTATIONS } from "./answer-cache.ts";
import { upstreamsOf } from "./forward.ts";
import { recordsOf, reverseName } from "./records.ts";
import { Zone } from "./zone.ts";

const DOMAIN = "cluster.local";

/** `want` is the rcode, then "TYPE data" of each answer. */
const cases: readonly { readonly ask: string; readonly want: readonly string[] }[] = [
  { ask: "A web.default.svc.cluster.local", want: ["NOERROR", "A 10.96.0.9"] },
  { ask: "A WEB.Default.svc.cluster.local", want: ["NOERROR", "A 10.96.0.9"] },
  { ask: "AAAA web.default.svc.cluster.local", want: ["NOERROR"] },
  {
    ask: "SRV _http._tcp.web.default.svc.cluster.local",
    want: ["NOERROR", "SRV 80 web.default.svc.cluster.local"],
  },
  { ask: "PTR 9.0.96.10.in-addr.arpa", want: ["NOERROR", "PTR web.default.svc.cluster.local"] },
  { ask: "A db.default.svc.cluster.local", want: ["NOERROR", "A 10.244.0.5", "A 10.244.1.5"] },
  { ask: "A db-0.db.default.svc.cluster.local", want: ["NOERROR", "A 10.244.0.5"] },
  { ask: "A 10-244-1-5.db.default.svc.cluster.local", want: ["NOERROR", "A 10.244.1.5"] },
  { ask: "PTR 5.0.244.10.in-addr.arpa", want: ["NOERROR", "PTR db-0.db.default.svc.cluster.local"] },
  {
    ask: "A out.default.svc.cluster.local",
    want: ["NOERROR", "CNAME web.default.svc.cluster.local", "A 10.96.0.9"],
  },
  { ask: "A 10-244-0-7.default.pod.cluster.local", want: ["NOERROR", "A 10.244.0.7"] },
  { ask: "A 10-244-0-7.nowhere.pod.cluster.local", want: ["NXDOMAIN"] },
  { ask: "A default.svc.cluster.local", want: ["NOERROR"] },
  { ask: "A missing.default.svc.cluster.local", want: ["NXDOMAIN"] },
  { ask: "TXT dns-version.cluster.local", want: ["NOERROR", "TXT 1.1.0"] },
];

for (const { ask, want } of cases) {
  test(`answerFromZone() of ${ask}`, () => {
    const [type, name] = ask.split(" ") as [RecordType, string];
    const query = parse(question(type, name));
    const answer = decode(answerFromZone(query, zone(), DOMAIN, 1, 0)!);
    assert.deepEqual(describe(answer), want);
    assert.equal(answer.id, 7);
    if (want.length === 1) assert.equal(answer.authorities?.[0]?.type, "SOA");
  });
}

test("answerFromZone() leaves foreign names to others", () => {
  const query = parse(question("A", "example.org"));
  assert.equal(answerFromZone(query, zone(), DOMAIN, 1, 0), undefined);
  const refused = decode(errorAnswer(query, "refused")) as DecodedPacket & { rcode: string };
  assert.equal(refused.rcode, "REFUSED");
});

test("answerFromZone() gives the addresses of a headless service in turns", () => {
  const query = parse(question("A", "db.default.svc.cluster.local"));
  const first = (rotation: number): string =>
    describe(decode(answerFromZone(query, zone(), DOMAIN, 1, rotation)!))[1]!;
  assert.notEqual(first(0), first(1));
});

test("set() with no records takes the names of a service away", () => {
  const names = zone();
  names.set("default/web", []);
  assert.equal(names.lookup("web.default.svc.cluster.local", "A").kind, "nxdomain");
  assert.equal(names.lookup("db.default.svc.cluster.local", "A").kind, "records");
});

test("parseQuery() answers garbage with FORMERR and ignores answers", () => {
  const garbage = parseQuery(
    Buffer.concat([Buffer.from([0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Buffer.alloc(3, 0xff)]),
  );
  assert.ok(Buffer.isBuffer(garbage));
  assert.equal(garbage.readUInt16BE(0), 9);
  assert.equal(garbage[3]! & 0x0f, 1);
  assert.equal(parseQuery(Buffer.from("short")), undefined);
  assert.equal(parseQuery(encode({ type: "response", id: 1 })), undefined);
});

test("fitDatagram() truncates what the asker cannot take", () => {
  const query = parse(question("A", "web.default.svc.cluster.local"));
  const cut = fitDatagram(
    query,
    Buffer.concat([answerFromZone(query, zone(), DOMAIN, 1, 0)!, Buffer.alloc(600)]),
  );
  assert.equal(cut.readUInt16BE(2) & 0x0200, 0x0200);
  assert.ok(cut.length <= 512);
});

test("AnswerCache gives stored answers with the id of the question, rotation by rotation", () => {
  const cache = new AnswerCache();
  const ask = question("A", "web.default.svc.cluster.local");
  for (let i = 0; i < ROTATIONS; i++) {
    const { answer, rotation } = cache.get(ask);
    assert.equal(answer, undefined);
    cache.set(ask, rotation, Buffer.from([0, 0, rotation]));
  }
  const { answer } = cache.get(ask);
  assert.deepEqual([...answer!], [0, 7, 0]);
});

test("reverseName() of both families", () => {
  assert.equal(reverseName("10.96.0.1"), "1.0.96.10.in-addr.arpa");
  assert.equal(
    reverseName("fd00::1"),
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
  );
});

test("upstreamsOf() reads at most three nameserver lines", () => {
  const text = "search x\nnameserver 192.0.2.1\n# nameserver 192.0.2.9\n nameserver 192.0.2.2\n";
  assert.deepEqual(upstreamsOf(text), ["192.0.2.1", "192.0.2.2"]);
});

function question(type: RecordType, name: string): Buffer {
  return encode({ type: "query", id: 7, flags: 0x0100, questions: [{ type, name }] });
}

function parse(message: Buffer): Query {
  const query = parseQuery(message);
  assert.ok(query !== undefined && !Buffer.isBuffer(query));
  return query;
}

function describe(packet: DecodedPacket): readonly string[] {
  const { rcode } = packet as DecodedPacket & { rcode: string };
  const answers = (packet.answers ?? []).map((record) => {
    if (record.type === "SRV") return `SRV ${record.data.port} ${record.data.target}`;
    if (record.type === "TXT") return `TXT ${[record.data].flat().map(String).join("")}`;
    return "data" in record && typeof record.data === "string"
      ? `${record.type} ${record.data}`
      : record.type;
  });
  return [rcode, ...answers];
}

function zone(): Zone {
  const result = new Zone(DOMAIN, (name) => name === "default");
  const add = (name: string, spec: ServiceSpec, slices: readonly EndpointSlice[] = []): void =>
    result.set(`default/${name}`, recordsOf(service(name, spec), slices, DOMAIN));
  add("web", { clusterIP: "10.96.0.9", ports: [{ name: "http", port: 80 }] });
  add("out", { type: "ExternalName", externalName: "web.default.svc.cluster.local" });
  add("db", { clusterIP: "None" }, [
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "db-1", namespace: "default" },
      addressType: "IPv4",
      endpoints: [
        { addresses: ["10.244.0.5"], hostname: "db-0" },
        { addresses: ["10.244.1.5"] },
        { addresses: ["10.244.1.6"], conditions: { ready: false } },
      ],
    },
  ]);
  return result;
}

function service(name: string, spec: ServiceSpec): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec };
}
