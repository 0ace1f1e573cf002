import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, type DecodedPacket, type RecordType } from "dns-packet";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import type { Endpoint, EndpointSlice } from "#api/discovery/v1/types.gen";
import { answerFromZone, errorAnswer, parseQuery, type Query } from "./answer.ts";
import { AnswerCache, ROTATIONS } from "./answer-cache.ts";
import { upstreamsOf } from "./dns-config.ts";
import { addressOfReverseName } from "./records.ts";
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
  { ask: "A empty.svc.cluster.local", want: ["NOERROR"] },
  { ask: "A nowhere.svc.cluster.local", want: ["NXDOMAIN"] },
  { ask: "NS cluster.local", want: ["NOERROR", "NS ns.dns.cluster.local"] },
  { ask: "A ns.dns.cluster.local", want: ["NOERROR", "A 10.96.0.10"] },
  { ask: "TXT dns-version.cluster.local", want: ["NOERROR", "TXT 1.1.0"] },
];

for (const { ask, want } of cases) {
  test(`answerFromZone() of ${ask}`, () => {
    const [type, name] = ask.split(" ") as [RecordType, string];
    const query = parse(question(type, name));
    const answer = decode(fromZone(query));
    assert.deepEqual(describe(answer), want);
    assert.equal(answer.id, 7);
    if (want.length === 1) assert.equal(answer.authorities?.[0]?.type, "SOA");
  });
}

test("answerFromZone() leaves foreign names to others", () => {
  const query = parse(question("A", "example.org"));
  assert.equal(answerFromZone(query, zone(), DOMAIN, 1, 0).kind, "foreign");
  const refused = decode(errorAnswer(query, "refused")) as DecodedPacket & { rcode: string };
  assert.equal(refused.rcode, "REFUSED");
});

test("answerFromZone() gives the addresses of a headless service in turns", () => {
  const query = parse(question("A", "db.default.svc.cluster.local"));
  const first = (rotation: number): string => describe(decode(fromZone(query, rotation)))[1]!;
  assert.notEqual(first(0), first(1));
});

test("deleteService() takes the names of a service away", () => {
  const names = zone();
  names.deleteService("default/web");
  assert.equal(names.lookup("web.default.svc.cluster.local", "A").kind, "nxdomain");
  assert.equal(names.lookup("db.default.svc.cluster.local", "A").kind, "records");
});

test("parseQuery() answers garbage with FORMERR and ignores answers", () => {
  const garbage = parseQuery(
    Buffer.concat([Buffer.from([0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Buffer.alloc(3, 0xff)]),
    false,
  );
  assert.ok(Buffer.isBuffer(garbage));
  assert.equal(garbage.readUInt16BE(0), 9);
  assert.equal(garbage[3]! & 0x0f, 1);
  assert.equal(parseQuery(Buffer.from("short"), false), undefined);
  assert.equal(parseQuery(encode({ type: "response", id: 1 }), false), undefined);
});

test("answerFromZone() gives as much as the asker can take, and says so", () => {
  const names = zone();
  const many = Array.from({ length: 60 }, (_, i) => ({ addresses: [`10.244.2.${i}`] }));
  const slice = sliceOf(many);
  names.setService(service("many", { clusterIP: "None" }), () => [slice]);
  const message = question("A", "many.default.svc.cluster.local");
  for (const [overTcp, edns, bytesMax, answers] of [
    [false, undefined, 512, 29],
    [false, 4096, 1232, 60],
    [true, undefined, 65_535, 60],
  ] as const) {
    const asked = edns === undefined ? message : question("A", "many.default.svc.cluster.local", edns);
    const bytes = fromZone(parse(asked, overTcp), 0, names);
    const answer = decode(bytes);
    assert.ok(bytes.length <= bytesMax);
    assert.equal(answer.answers?.length, answers);
    assert.equal(answer.flag_tc, answers < 60);
  }
});

test("answerFromZone() of 5,000 endpoints is as long as it may be, from all parts of the list in turn", () => {
  const names = zone();
  const slices = Array.from({ length: 50 }, (_, part) => ({
    ...sliceOf(Array.from({ length: 100 }, (_none, i) => ({ addresses: [nthAddress(100 * part + i)] }))),
    metadata: { name: `huge-${part}`, namespace: "default" },
    ports: [{ name: "http", port: 80 }],
  }));
  names.setService(service("huge", { clusterIP: "None" }), () => slices);
  const ask = parse(question("A", "huge.default.svc.cluster.local", 1232));
  const firsts = Array.from({ length: ROTATIONS }, (_, rotation) => {
    const bytes = fromZone(ask, rotation, names);
    const { answers = [], flag_tc: isCut } = decode(bytes);
    assert.ok(isCut && answers.length > 70 && bytes.length <= 1232);
    return (answers[0] as { readonly data: string }).data;
  });
  assert.deepEqual(
    firsts,
    Array.from({ length: ROTATIONS }, (_, rotation) => nthAddress(625 * rotation)),
  );
  const whole = fromZone(parse(question("A", "huge.default.svc.cluster.local"), true), 7, names);
  const seen = (decode(whole).answers ?? []).map((record) => (record as { readonly data: string }).data);
  assert.equal(new Set(seen).size, seen.length, "none twice");
  assert.ok(seen.length > 4_000 && whole.length > 65_500);
  const ports = decode(
    fromZone(parse(question("SRV", "_http._tcp.huge.default.svc.cluster.local"), true), 0, names),
  );
  assert.ok(ports.flag_tc && ports.answers!.length > 900);
  assert.deepEqual(ports.additionals, []);
});

test("answerFromZone() of an alias to a name outside says where it leads", () => {
  const names = zone();
  names.setService(service("far", { type: "ExternalName", externalName: "example.org" }), () => []);
  const answer = answerFromZone(parse(question("A", "far.default.svc.cluster.local")), names, DOMAIN, 1, 0);
  assert.ok(answer.kind === "alias");
  assert.equal(answer.target, "example.org");
});

test("parseQuery() refuses other classes, transfers and versions of EDNS", () => {
  assert.equal(rcodeOf(question("AXFR", DOMAIN)), "REFUSED");
  const chaos = question("TXT", "version.bind");
  chaos.writeUInt16BE(3, chaos.length - 2);
  assert.equal(rcodeOf(chaos), "REFUSED");
  const version = question("A", DOMAIN, 1232);
  version[version.length - 5] = 1;
  const answer = parseQuery(version, false);
  assert.ok(Buffer.isBuffer(answer));
  assert.equal(answer[answer.length - 6], 1); // the high bits of BADVERS
});

test("parseQuery() survives every cut and every flipped byte", () => {
  const message = question("A", "web.default.svc.cluster.local", 1232);
  for (let i = 0; i < message.length; i++) {
    parseQuery(message.subarray(0, i), false);
    const flipped = Buffer.from(message);
    flipped[i]! ^= 0xff;
    const query = parseQuery(flipped, false);
    if (query !== undefined && !Buffer.isBuffer(query)) answerFromZone(query, zone(), DOMAIN, 1, 0);
  }
});

test("AnswerCache gives stored answers with the id of the question, rotation by rotation", () => {
  const cache = new AnswerCache<string>();
  const ask = question("A", "web.default.svc.cluster.local");
  for (let i = 0; i < ROTATIONS; i++) {
    const { answer, rotation } = cache.get(ask);
    assert.equal(answer, undefined);
    cache.set(ask, rotation, Buffer.from([0, 0, rotation]), true, "");
  }
  const { answer } = cache.get(ask);
  assert.deepEqual([...answer!], [0, 7, 0]);
});

test("addressOfReverseName() of both families, and of what is no address", () => {
  const name = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa";
  assert.equal(addressOfReverseName("1.0.96.10.in-addr.arpa"), "10.96.0.1");
  assert.equal(addressOfReverseName(name), "fd00::1");
  assert.equal(addressOfReverseName(name.slice(2)), undefined);
  assert.equal(addressOfReverseName(name.replace("f.ip6", "g.ip6")), undefined);
});

test("upstreamsOf() reads at most three nameserver lines", () => {
  const text = "search x\nnameserver 192.0.2.1\n# nameserver 192.0.2.9\n nameserver 192.0.2.2\n";
  assert.deepEqual(upstreamsOf(text), ["192.0.2.1", "192.0.2.2"]);
});

function question(type: RecordType, name: string, udpPayloadSize?: number): Buffer {
  const opt = { type: "OPT", name: ".", udpPayloadSize, flags: 0, options: [] } as never;
  const additionals = udpPayloadSize === undefined ? [] : [opt];
  return encode({ type: "query", id: 7, flags: 0x0100, questions: [{ type, name }], additionals });
}

function parse(message: Buffer, overTcp = false): Query {
  const query = parseQuery(message, overTcp);
  assert.ok(query !== undefined && !Buffer.isBuffer(query));
  return query;
}

function fromZone(query: Query, rotation = 0, names: Zone = zone()): Buffer {
  const answer = answerFromZone(query, names, DOMAIN, 1, rotation);
  assert.ok(answer.kind === "reply");
  return answer.bytes;
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
  const result = new Zone(DOMAIN, (name) => name === "default" || name === "empty");
  const add = (name: string, spec: ServiceSpec, slices: readonly EndpointSlice[] = []): void =>
    result.setService(service(name, spec), () => slices);
  add("web", { clusterIP: "10.96.0.9", ports: [{ name: "http", port: 80 }] });
  add("out", { type: "ExternalName", externalName: "web.default.svc.cluster.local" });
  result.setService(
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "kube-dns", namespace: "kube-system" },
      spec: { clusterIP: "10.96.0.10" },
    },
    () => [],
  );
  add("db", { clusterIP: "None" }, [
    sliceOf([
      { addresses: ["10.244.0.5"], hostname: "db-0" },
      { addresses: ["10.244.1.5"] },
      { addresses: ["10.244.1.6"], conditions: { ready: false } },
    ]),
  ]);
  return result;
}

function service(name: string, spec: ServiceSpec): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec };
}

function sliceOf(endpoints: readonly Endpoint[]): EndpointSlice {
  const metadata = { name: "db-1", namespace: "default" };
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata,
    addressType: "IPv4",
    endpoints,
  };
}

function rcodeOf(message: Buffer): string {
  const answer = parseQuery(message, false);
  assert.ok(Buffer.isBuffer(answer));
  return (decode(answer) as DecodedPacket & { rcode: string }).rcode;
}

function nthAddress(index: number): string {
  return `10.244.${index >> 8}.${index & 255}`;
}
