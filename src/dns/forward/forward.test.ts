import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, type Answer } from "dns-packet";
import { FakeClock } from "#apimachinery";
import { dnsConfigOf } from "../dns-config.ts";
import { FLAGS, questionFor, TYPE_NUMBERS } from "../wire.ts";
import { isAnswerTo, type Asked, type Exchange } from "./exchange.ts";
import { ForwardCache } from "./forward-cache.ts";
import { Forwarder, type ForwarderEvents } from "./forwarder.ts";
import { parseServer } from "./upstreams.ts";

const never = new AbortController().signal;
const ASKED = askedOf("example.org");

test("isAnswerTo() believes nothing but an answer to this question with this id", () => {
  const message = encode({ type: "query", id: 7, questions: [{ type: "A", name: "example.org" }] });
  const { question } = ASKED;
  assert.equal(isAnswerTo(message, emptyAnswer(7, "EXAMPLE.org"), question), true);
  assert.equal(isAnswerTo(message, emptyAnswer(8, "example.org"), question), false);
  assert.equal(isAnswerTo(message, emptyAnswer(7, "example.com"), question), false);
  assert.equal(isAnswerTo(message, emptyAnswer(7, "example.org", "AAAA"), question), false);
  assert.equal(isAnswerTo(message, message, question), false);
  assert.equal(isAnswerTo(message, Buffer.from("garbage"), question), false);
});

test("ForwardCache counts TTLs down, caps them, and forgets in time", () => {
  const clock = new FakeClock();
  const cache = new ForwardCache(() => clock.monotonicMs());
  cache.set("a", answerOf({ ttl: 20 }), ASKED.question);
  cache.set("b", answerOf({ ttl: 3_600 }), ASKED.question);
  clock.advance(5_000);
  assert.equal(ttlOf(cache.get("a")!.answer), 15);
  assert.equal(ttlOf(cache.get("b")!.answer), 25);
  clock.advance(15_000);
  assert.equal(cache.get("a"), undefined);
  assert.equal(cache.size("success"), 1);
});

test("ForwardCache keeps a denial as long as its SOA says, and neither cut answers nor those without an SOA", () => {
  const clock = new FakeClock();
  const cache = new ForwardCache(() => clock.monotonicMs());
  cache.set("no", answerOf({ rcode: 3, soaMinimum: 10 }), ASKED.question);
  assert.equal(cache.get("no")!.kind, "denial");
  clock.advance(10_000);
  assert.equal(cache.get("no"), undefined);
  cache.set("no", answerOf({ rcode: 3 }), ASKED.question);
  cache.set("no", answerOf({ ttl: 20, flags: FLAGS.truncated }), ASKED.question);
  cache.set("no", answerOf({ ttl: 0 }), ASKED.question);
  cache.set("no", answerOf({ rcode: 5 }), ASKED.question);
  assert.equal(cache.get("no"), undefined);
});

test("Forwarder asks the next resolver, those that failed last, until a probe is answered", async () => {
  const clock = new FakeClock();
  let isDown = true;
  const { forwarder, log } = forwarderWith(clock, ({ host }, { question }) => {
    if (host === "192.0.2.1" && isDown) return undefined;
    return answerOf({ name: question.name, ttl: 0 });
  });
  await forwarder.ask(ASKED, never);
  await forwarder.ask(ASKED, never);
  await forwarder.ask(ASKED, never);
  assert.deepEqual(log.splice(0), [
    "udp 192.0.2.1 example.org",
    "udp 192.0.2.2 example.org",
    "udp 192.0.2.1 example.org",
    "udp 192.0.2.2 example.org",
    "udp 192.0.2.2 example.org",
  ]);
  isDown = false;
  clock.advance(500);
  await turns();
  await forwarder.ask(ASKED, never);
  assert.deepEqual(log, ["udp 192.0.2.1 ", "udp 192.0.2.1 example.org"]);
});

test("Forwarder asks anew over TCP what UDP cut, goes past a SERVFAIL, and asks one question once", async () => {
  const clock = new FakeClock();
  const { forwarder, log } = forwarderWith(clock, ({ host }, _asked, protocol) => {
    if (host === "192.0.2.1") return answerOf({ rcode: 2 });
    return protocol === "udp" ? answerOf({ flags: FLAGS.truncated }) : answerOf({ ttl: 30 });
  });
  const [one, two] = await Promise.all([forwarder.ask(ASKED, never), forwarder.ask(ASKED, never)]);
  assert.equal(one, two);
  assert.equal(ttlOf(one!), 30);
  const asked = ["udp 192.0.2.1 example.org", "udp 192.0.2.2 example.org", "tcp 192.0.2.2 example.org"];
  assert.deepEqual(log, asked);
  await forwarder.ask(ASKED, never);
  assert.deepEqual(log, asked, "the second time from the cache");
});

test("Forwarder sends the names of a stub domain to its resolvers, the longest domain first", async () => {
  const { forwarder, log } = forwarderWith(new FakeClock(), () => answerOf({ ttl: 0 }));
  for (const name of ["www.acme.local", "acme.local", "a.deep.acme.local", "notacme.local"])
    await forwarder.ask(askedOf(name), never);
  assert.deepEqual(log, [
    "udp 192.0.2.3 www.acme.local",
    "udp 192.0.2.3 acme.local",
    "udp 192.0.2.4 a.deep.acme.local",
    "udp 192.0.2.1 notacme.local",
  ]);
  assert.equal(forwarder.stubOf("x.acme.local", "acme.local"), undefined);
});

test("Forwarder rejects what is too much and gives up in time", async () => {
  const clock = new FakeClock();
  let rejected = 0;
  const events = { rejected: () => (rejected += 1) };
  const forwarder = new Forwarder({ config: configOf(), exchange: silent, clock, events });
  const all = Array.from({ length: 1_001 }, (_, i) => forwarder.ask(askedOf(`n${i}.example`), never));
  assert.equal(rejected, 1);
  clock.advance(5_000);
  assert.deepEqual(new Set(await Promise.all(all)), new Set([undefined]));
});

test("dnsConfigOf() reads the ConfigMap kube-dns, and says what it cannot read", () => {
  const { config, problems } = dnsConfigOf(
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "kube-dns", namespace: "kube-system" },
      data: {
        stubDomains: '{"Acme.local.": ["192.0.2.7:5353", "host"]}',
        upstreamNameservers: '["192.0.2.8"]',
      },
    },
    ["192.0.2.9"],
  );
  assert.deepEqual([...config.stubDomains], [["acme.local", [{ host: "192.0.2.7", port: 5353 }]]]);
  assert.deepEqual(config.upstreams, [{ host: "192.0.2.8", port: 53 }]);
  assert.deepEqual(problems, ['stubDomains[Acme.local.]: "host" is no address']);
  assert.deepEqual(dnsConfigOf(undefined, ["192.0.2.9"]).config.upstreams, [{ host: "192.0.2.9", port: 53 }]);
});

test("parseServer() takes addresses of both families, with and without a port", () => {
  assert.deepEqual(parseServer("[fd00::1]:5353"), { host: "fd00::1", port: 5353 });
  assert.deepEqual(parseServer("fd00::1"), { host: "fd00::1", port: 53 });
  for (const bad of ["", "300.1.1.1", "192.0.2.1:0", "192.0.2.1:99999", "dns.example"])
    assert.equal(parseServer(bad), undefined, bad);
});

function configOf(): ReturnType<typeof dnsConfigOf>["config"] {
  const stubDomains = JSON.stringify({ "acme.local": ["192.0.2.3"], "deep.acme.local": ["192.0.2.4"] });
  const metadata = { name: "kube-dns" };
  return dnsConfigOf({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { stubDomains } }, [
    "192.0.2.1",
    "192.0.2.2",
  ]).config;
}

function forwarderWith(
  clock: FakeClock,
  answer: (server: { readonly host: string }, asked: Asked, protocol: string) => Buffer | undefined,
  events: ForwarderEvents = {},
): { readonly forwarder: Forwarder; readonly log: string[] } {
  const log: string[] = [];
  const exchange: Exchange = (asked, server, protocol) => {
    log.push(`${protocol} ${server.host} ${asked.question.name}`);
    return Promise.resolve(answer(server, asked, protocol));
  };
  return { forwarder: new Forwarder({ config: configOf(), exchange, clock, events }), log };
}

function askedOf(name: string): Asked {
  const question = questionFor(name, TYPE_NUMBERS.A)!;
  return { question, hasEdns: false, dnssecOk: false, checkingDisabled: false };
}

interface Wanted {
  readonly name?: string;
  readonly ttl?: number;
  readonly rcode?: number;
  readonly flags?: number;
  readonly soaMinimum?: number;
}

function answerOf({ name = "example.org", ttl, rcode = 0, flags = 0, soaMinimum }: Wanted): Buffer {
  const soa = { mname: "ns", rname: "me", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: soaMinimum };
  const answers: Answer[] = ttl === undefined ? [] : [{ type: "A", name, ttl, data: "192.0.2.99" }];
  const authorities: Answer[] =
    soaMinimum === undefined ? [] : [{ type: "SOA", name: "org", ttl: 60, data: soa }];
  const questions = [{ type: "A" as const, name }];
  return encode({ type: "response", id: 1, flags: flags | rcode, questions, answers, authorities });
}

function ttlOf(answer: Buffer): number {
  const [first] = decode(answer).answers ?? [];
  assert.ok(first !== undefined && "ttl" in first);
  return first.ttl!;
}

function emptyAnswer(id: number, name: string, type: "A" | "AAAA" = "A"): Buffer {
  return encode({ type: "response", id, questions: [{ type, name }] });
}

/** Never answers. */
const silent: Exchange = (_asked, _server, _protocol, _clock, signal) =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined));
  });

/** Lets promises that are settled already run on. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
