import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Service } from "#api/core/v1/types.gen";
import { FakeClock, silentLogger, type Kind, type KubeObject } from "#apimachinery";
import type { InformerFactory, SharedInformer } from "#client";
import { announceAddresses } from "./announce-addresses.ts";
import type { Announced, WithdrawalGuard } from "./withdrawal-guard.ts";

const ADDRESSES = ["10.9.0.225", "fd00:9::e1"];
const NODE_IPS = ["10.9.0.2", "fd00:9::2"];

const node: Node = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n" },
  status: {
    conditions: [{ type: "Ready", status: "True" }],
    addresses: NODE_IPS.map((address) => ({ type: "InternalIP", address })),
  },
};
const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default" },
  spec: { type: "LoadBalancer" },
  status: { loadBalancer: { ingress: ADDRESSES.map((ip) => ({ ip, ipMode: "VIP" })) } },
};

test("announceAddresses() has a guard for what it is going to answer for, in both families, before it answers", async () => {
  const { log, end } = await announce({});
  const place = (part: string): number => log.findIndex((line) => line.includes(part));
  assert.equal(place("guard 1 holds eth0 10.9.0.225 fd00:9::e1"), place("guard 1 starts") + 1);
  for (const ip of ADDRESSES) assert.ok(place(`neigh replace proxy ${ip} dev eth0`) > place("guard 1 holds"));
  assert.ok(log.includes("addr replace fd00:9::e1/128 dev eth0 valid_lft 30 preferred_lft 0 nodad"));
  assert.ok(log.includes("route replace fd00:9::e0/123 dev k8ts-svc src fd00:9::2 proto 88"));
  await end();
  for (const ip of ADDRESSES) assert.ok(log.includes(`neigh del proxy ${ip} dev eth0`));
  assert.deepEqual(log.slice(-2), ["guard 1 holds nothing", "guard 1 closes"]);
});

test("announceAddresses() withdraws an earlier agent's address, and its guard knows that until it is done", async () => {
  const { log, end } = await announce({ left: ["10.9.0.230", "10.9.9.9"] });
  const [first, second] = log.filter((line) => line.startsWith("guard 1 holds"));
  assert.match(first!, /10\.9\.0\.230/);
  assert.doesNotMatch(second!, /10\.9\.0\.230/);
  assert.ok(log.includes("neigh del proxy 10.9.0.230 dev eth0"));
  assert.ok(!log.some((line) => line.includes("10.9.9.9")));
  await end();
});

test("announceAddresses() looks again once its guard has taken over from one that was just withdrawing", async () => {
  const { log, end } = await announce({ left: ADDRESSES, isWithdrawnLate: true });
  for (const ip of ADDRESSES) assert.ok(log.includes(`neigh replace proxy ${ip} dev eth0`));
  await end();
});

test("announceAddresses() starts another guard when the one it has ends", async () => {
  const { log, end, killGuard } = await announce({});
  await killGuard();
  assert.ok(log.includes("guard 2 holds eth0 10.9.0.225 fd00:9::e1"));
  await end();
});

test("announceAddresses() leaves to the guard what it cannot withdraw", async () => {
  const { log, end, fail } = await announce({});
  fail();
  await end();
  assert.equal(log.at(-1), "guard 1 closes");
  assert.ok(!log.includes("guard 1 holds nothing"));
});

test("announceAddresses() needs no guard on a node that answers for nothing", async () => {
  const { log, end } = await announce({ services: [] });
  await end();
  assert.deepEqual(
    log.filter((line) => line.startsWith("guard")),
    [],
  );
});

test("announceAddresses() on a node of one family answers for addresses of that alone", async () => {
  const { log, end } = await announce({ nodeIPs: NODE_IPS.slice(1) });
  await end();
  assert.ok(log.includes("neigh replace proxy fd00:9::e1 dev eth0"));
  assert.deepEqual(
    log.filter((line) => line.includes("10.9.")),
    [],
  );
});

interface Given {
  readonly services?: readonly Service[];
  readonly nodeIPs?: readonly string[];
  /** What the kernel still has. */
  readonly left?: readonly string[];
  /** By an earlier agent's guard, at the last moment. */
  readonly isWithdrawnLate?: boolean;
}

interface Running {
  /** What was done, in order. */
  readonly log: readonly string[];
  readonly end: () => Promise<void>;
  readonly killGuard: () => Promise<void>;
  /** From now on nothing changes in the kernel. */
  readonly fail: () => void;
}

/** Until all that is known at the start is announced. */
async function announce(given: Given): Promise<Running> {
  const { services = [service], nodeIPs = NODE_IPS, left = [], isWithdrawnLate = false } = given;
  const log: string[] = [];
  const kernel = new Set(left);
  const stop = new AbortController();
  const clock = new FakeClock();
  let isBroken = false;
  let guards = 0;
  let lost = Promise.withResolvers<void>();
  const running = announceAddresses(
    {
      informers: informersWith({ services, nodes: [node] }),
      clock,
      logger: silentLogger,
      nodeName: "n",
      nodeIPs,
      loadBalancerRange: "10.9.0.224/27,fd00:9::e0/123",
      tools: {
        ip(lines) {
          if (isBroken) return Promise.reject(new Error("ip failed"));
          log.push(...lines);
          for (const line of lines) follow(kernel, line);
          return Promise.resolve();
        },
      },
      neighbours: {
        linkOf: () => ({ name: "eth0", mac: "02:00:00:00:00:01" }),
        prepare: () => Promise.resolve(),
        proxied: (_link, family) =>
          Promise.resolve(new Set([...kernel].filter((ip) => ip.includes(":") === (family === "IPv6")))),
      },
      startGuard() {
        lost = Promise.withResolvers();
        if (isWithdrawnLate) kernel.clear();
        return Promise.resolve(fakeGuard(`guard ${++guards}`, log, lost));
      },
    },
    stop.signal,
  );
  await settled();
  return {
    log,
    fail: () => void (isBroken = true),
    async killGuard() {
      lost.resolve();
      await settled();
      clock.advance(5);
      await settled();
    },
    async end() {
      stop.abort();
      await running;
    },
  };
}

function fakeGuard(name: string, log: string[], ended: PromiseWithResolvers<void>): WithdrawalGuard {
  log.push(`${name} starts`);
  return {
    ended: ended.promise,
    hold(announced) {
      log.push(`${name} holds ${heldText(announced)}`);
      return Promise.resolve();
    },
    close() {
      log.push(`${name} closes`);
      ended.resolve();
    },
  };
}

function heldText(announced: readonly Announced[]): string {
  const held = announced.flatMap(({ addresses }) => [...addresses]);
  return held.length === 0 ? "nothing" : `${announced[0]!.link.name} ${held.join(" ")}`;
}

function follow(kernel: Set<string>, line: string): void {
  const [, verb, , ip = ""] = line.split(" ");
  if (line.startsWith("neigh del")) kernel.delete(ip);
  else if (verb === "replace" && line.startsWith("neigh")) kernel.add(ip);
}

/** Nothing but promises is waited for. */
async function settled(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}

function informersWith(objects: {
  readonly services: readonly Service[];
  readonly nodes: readonly Node[];
}): InformerFactory {
  const of = ({ names }: Kind): readonly KubeObject[] =>
    names.plural === "services" ? objects.services : names.plural === "nodes" ? objects.nodes : [];
  return {
    start: () => {},
    waitForSync: () => Promise.resolve(),
    informer: (kind: Kind) =>
      ({
        addIndexer: () => {},
        addEventHandler: ({ onAdd }: { readonly onAdd: (object: KubeObject) => void }) => {
          for (const object of of(kind)) onAdd(object);
        },
      }) as unknown as SharedInformer<KubeObject>,
    lister: (kind: Kind) => ({ list: () => of(kind), byIndex: () => [] }),
  } as unknown as InformerFactory;
}
