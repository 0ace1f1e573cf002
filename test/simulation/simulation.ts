/**
 * One life of a cluster from one seed: users, kubelets, a clock and faults take turns, invariants are checked at every change,
 * and from time to time everything is left alone and must come to what the users asked for.
 * @module
 */
import type { Logger } from "#apimachinery";
import { missing } from "./desired-state.ts";
import type { FaultyLink } from "./faulty-link.ts";
import { Invariants } from "./invariants.ts";
import { Kubelets } from "./kubelets.ts";
import { Random } from "./random.ts";
import { Trace } from "./trace.ts";
import { Users } from "./users.ts";
import { settle, World, type ProcessName } from "./world.ts";

export interface SimulationOptions {
  readonly seed: number;
  readonly steps: number;
  /** Steps between two rests. Default 500. */
  readonly restEvery?: number;
  readonly onLine?: (line: string) => void;
  readonly logger?: Logger;
}

export interface SimulationResult {
  /** In words; undefined: nothing was broken. */
  readonly failure: string | undefined;
  /** The same for the same seed and steps. */
  readonly hash: string;
  readonly last: readonly string[];
}

const NODES = 3;
/** Scarce: the important take the place of others. */
const NODE_CPU = 4;
const PROCESSES: readonly ProcessName[] = ["kube-controller-manager", "kube-scheduler"];
/** How far the clock goes on at once: less than any controller's patience with a silent node. */
const STRIDE_MAX_MS = 5_000;
/** No cache lags longer: expectations, which wait for five minutes, must never give up. */
const LAG_MAX_MS = 30_000;
/** Longer than the longest back-off of a Job. */
const REST_MAX_MS = 3_600_000;
/** After it has come to rest nothing may be written for so long. */
const QUIET_MS = 30_000;
/** Deliveries without the clock going on: more is a storm. */
const BUSY_MAX = 20_000;

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  // Long loops give way by real time: here none is long, or chance would come in from this machine's speed.
  Object.defineProperty(performance, "now", { value: () => 0, configurable: true });
  try {
    const simulation = new Simulation(options);
    return await simulation.run();
  } finally {
    Reflect.deleteProperty(performance, "now"); // the one of its prototype is back
  }
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #trace: Trace;
  #world!: World;
  #kubelets!: Kubelets;
  #users!: Users;
  #invariants!: Invariants;
  /** What controllers did wrong, whatever became of it. */
  readonly #defects: string[] = [];
  #isFaulty = true;
  #lagMs = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#trace = new Trace(options.onLine);
  }

  async run(): Promise<SimulationResult> {
    const { steps, restEvery = 500, logger } = this.#options;
    await using world = await World.start({
      random: this.#random,
      ...(logger !== undefined && { logger }),
      isFaulty: () => this.#isFaulty,
      onAmbiguous: (request) => this.#invariants.ambiguous(request),
      onIssued: (name, request) => name === "kube-scheduler" && this.#invariants.preempts(request),
      onDefect: (what) => this.#defects.push(what),
    });
    await this.#begin(world);
    let failure: string | undefined;
    try {
      for (let step = 1; step <= steps && failure === undefined; step++) {
        this.#trace.add(`${step} ${await this.#step()}`);
        await settle();
        failure = this.#broken();
        if (failure === undefined && (step % restEvery === 0 || step === steps)) failure = await this.#rest();
      }
      this.#trace.add(`revision ${await world.revision()}`);
    } catch (err) {
      failure = err instanceof Error ? (err.stack ?? err.message) : String(err);
    }
    return { failure, hash: this.#trace.digest(), last: this.#trace.last };
  }

  async #begin(world: World): Promise<void> {
    this.#world = world;
    this.#kubelets = new Kubelets(world, this.#random);
    this.#invariants = new Invariants(world);
    this.#users = new Users(world, this.#kubelets, this.#random, this.#invariants);
    await world.follow();
    for (let i = 1; i <= NODES; i++) await this.#kubelets.join(`node-${i}`, NODE_CPU);
    await this.#users.createNamespaces();
    await this.#users.createPriorityClasses();
    for (const name of PROCESSES) await world.startProcess(name);
    await settle();
  }

  #broken(): string | undefined {
    return this.#invariants.broken[0] ?? this.#defects[0];
  }

  async #step(): Promise<string> {
    const action = this.#random.weighted<() => Promise<string> | string>([
      [60, () => this.#deliver()],
      [18, () => this.#kubelet()],
      [12, () => this.#users.act()],
      [9, () => this.#tick()],
      [1, () => this.#disrupt()],
    ]);
    return action();
  }

  /** One request reaches the server, or one cache sees something; if nothing waits, time goes on. */
  async #deliver(): Promise<string> {
    const choices = this.#world
      .links()
      .flatMap((link) => [
        ...link.pending.map((pending) => () => this.#deliverRequest(link, pending)),
        ...link.lagging.map((stream) => () => this.#release(link, stream)),
      ]);
    if (choices.length === 0) return this.#tick();
    return this.#random.pick(choices)();
  }

  async #deliverRequest(link: FaultyLink, pending: FaultyLink["pending"][number]): Promise<string> {
    const fate = this.#random.weighted([
      [85, "ok"],
      [10, "refused"],
      [5, "lost-answer"],
    ] as const);
    const { method, path } = pending.request;
    await link.deliver(pending, fate);
    return `${fate} ${method} ${path}`;
  }

  #release(link: FaultyLink, stream: FaultyLink["lagging"][number]): string {
    if (this.#random.chance(0.03)) {
      link.drop(stream, undefined);
      return `drop watch ${link.name} ${stream.path}`;
    }
    const count = this.#random.chance(0.5) ? stream.buffer.length : this.#random.between(1, 3);
    link.release(stream, count);
    return `show ${count} ${link.name} ${stream.path}`;
  }

  async #kubelet(): Promise<string> {
    const pods = this.#kubelets.actionable();
    if (pods.length === 0) return this.#deliver();
    const pod = this.#random.pick(pods);
    return `kubelet ${pod.metadata.namespace}/${pod.metadata.name} ${await this.#kubelets.act(pod, this.#isFaulty)}`;
  }

  async #tick(): Promise<string> {
    const ms = this.#random.pick([1, 10, 100, 1_000, STRIDE_MAX_MS]);
    await this.#advance(ms);
    return `clock +${ms}`;
  }

  async #advance(ms: number): Promise<void> {
    this.#lagMs += ms;
    if (this.#lagMs > LAG_MAX_MS) {
      this.#lagMs = 0;
      this.#releaseAll();
      await settle();
    }
    this.#world.clock.advance(ms);
    await this.#kubelets.heartbeat();
    await settle();
  }

  /** A process is killed in the middle of whatever it does, and another takes its place. */
  async #disrupt(): Promise<string> {
    const name = this.#random.pick(PROCESSES);
    await this.#world.stopProcess(name);
    await this.#world.startProcess(name);
    return `restart ${name}`;
  }

  #releaseAll(): number {
    let released = 0;
    for (const link of this.#world.links()) {
      for (const stream of link.lagging) {
        released++;
        link.release(stream, stream.buffer.length);
      }
    }
    return released;
  }

  /** Faults stop, and time goes on until all is as it should be and stays so. */
  async #rest(): Promise<string | undefined> {
    this.#trace.add("rest");
    this.#isFaulty = false;
    await this.#users.settleDown();
    const endMs = this.#world.clock.now() + REST_MAX_MS;
    let quietSince: number | undefined;
    for (;;) {
      if (await this.#drain()) quietSince = undefined;
      const broken = this.#broken();
      if (broken !== undefined) return broken;
      const nowMs = this.#world.clock.now();
      const lacks = quietSince === undefined ? missing(this.#world) : [];
      if (lacks.length === 0) quietSince ??= nowMs;
      if (quietSince !== undefined && nowMs - quietSince >= QUIET_MS) break;
      if (nowMs > endMs) return `did not come to rest: ${lacks.join("; ") || "still writing"}`;
      await this.#advance(STRIDE_MAX_MS);
    }
    this.#trace.add(`rested at revision ${await this.#world.revision()}`);
    this.#invariants.atRest();
    this.#isFaulty = true;
    const broken = this.#broken();
    if (broken !== undefined) return broken;
    await this.#users.resume();
    await settle();
    return undefined;
  }

  /** Delivers everything and lets kubelets work until nobody has anything to do; whether anything was written. */
  async #drain(): Promise<boolean> {
    let wrote = false;
    for (let turns = 0; ; turns++) {
      if (turns > BUSY_MAX) throw new Error(`write storm: ${this.#requests().join(", ")}`);
      await settle();
      const pending = this.#world.links().flatMap((link) => link.pending.map((one) => ({ link, one })));
      for (const { link, one } of pending) {
        this.#trace.add(`rest ${one.request.method} ${one.request.path}`);
        await link.deliver(one, "ok");
      }
      await settle(); // whoever decides on an answer does so before its caches see more
      const pods = this.#kubelets.actionable();
      for (const pod of pods)
        this.#trace.add(`rest ${pod.metadata.name} ${await this.#kubelets.act(pod, false)}`);
      const released = this.#releaseAll();
      if (turns > BUSY_MAX / 2) this.#trace.add(`rest: ${released} caches see something`);
      wrote ||= pending.length > 0 || pods.length > 0;
      if (pending.length + pods.length + released === 0) return wrote;
    }
  }

  #requests(): readonly string[] {
    const links = this.#world.links();
    const requests = links.flatMap((link) =>
      link.pending.map(({ request }) => `${request.method} ${request.path}`),
    );
    return [...requests, ...this.#kubelets.actionable().map(({ metadata }) => `pod ${metadata.name}`)];
  }
}
