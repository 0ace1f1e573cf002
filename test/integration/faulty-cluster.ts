/** A cluster whose controllers are killed and started again, see late, and meet a conflict at every second write or so. @module */
import assert from "node:assert/strict";
import { type Clock, type Kind, type Logger } from "#apimachinery";
import { createApiServer, type ApiServer } from "#apiserver";
import { Nodes } from "#api/core/v1/node";
import { newClient, newEventRecorder, newInformerFactory, type Client, type InformerFactory } from "#client";
import { newControllers } from "#controllers";
import { startManager } from "#controller-runtime";
import { openMemoryStore } from "#storage";
import { strictLogger } from "../simulation/defects.ts";
import { controllerManagerUser, controllerUser } from "../../src/cmd/server/identities.ts";
import { newNode, runKubelet, until } from "./controllers-cluster.ts";
import { fasterClock, patientClock } from "./faster-clock.ts";
import { faultyTransport, seededRandom, type Faults } from "./faulty-transport.ts";

export interface FaultyCluster extends AsyncDisposable {
  /** Without faults. */
  readonly client: Client;
  /** Without lag: what is so, not what the controllers believe. */
  readonly informers: InformerFactory;
  readonly random: () => number;
  /** That of the controllers; the server tells the same time, and waits in real time. */
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Until `resume`, pods stay as they are. */
  readonly kubelet: { pause(): void; resume(): void };
  /** Ends the controllers wherever they are, and starts new ones that know nothing. */
  restart(): Promise<void>;
  /** `restart` at `times` random moments; resolves after the last. */
  restartOften(times: number, pauseMaxMs: number): Promise<void>;
  until(what: string, kinds: readonly Kind[], read: () => boolean): Promise<boolean>;
}

const NODE = "node-1";
/** Retries wait twice as long after each conflict. */
const PATIENCE_MS = 60_000;
/** The tests wait for late watches and for retries; the work itself takes a tenth of that. */
const TIME_FACTOR = 5;
/** Of one write in a row: each doubles the wait for the next try, and a dozen of them is a minute in which nothing happens. */
const REFUSALS_MAX = 3;

export interface FaultOptions {
  /** How many times as fast the clock goes. */
  readonly timeFactor?: number;
  /** Which writes conflict; absent: half of them, by chance. */
  readonly refuses?: Faults["refuses"];
}

/** `lagMaxMs`: of the cluster's clock, as are all times. */
export async function startFaultyCluster(
  seed: number,
  lagMaxMs: number,
  kinds: readonly Kind[],
  { timeFactor = TIME_FACTOR, refuses }: FaultOptions = {},
): Promise<FaultyCluster> {
  const random = seededRandom(seed);
  const defects: string[] = [];
  const logger = strictLogger((what) => defects.push(what));
  const store = await openMemoryStore();
  const clock = fasterClock(timeFactor);
  const server = await createApiServer({ store, clock: patientClock(clock), logger, freezeObjects: true });
  const abort = new AbortController();
  const { signal } = abort;
  const client = newClient(server.transport());
  const informers = newInformerFactory({ client });
  for (const kind of kinds) informers.informer(kind);
  await client.create(Nodes, newNode(NODE), signal);
  const state = { isPaused: false };
  const wakeKubelet = runKubelet(client, informers, state, [], signal);
  informers.start(signal);
  await informers.waitForSync(signal);
  const faults: Faults = { refuses: refuses ?? conflicts(random), lagMs: () => random() * lagMaxMs };
  let term = startTerm(server, faults, random, clock, logger);
  const restart = async (): Promise<void> => {
    await term.end();
    term = startTerm(server, faults, random, clock, logger);
  };
  return {
    client,
    informers,
    random,
    clock,
    signal,
    kubelet: {
      pause: () => (state.isPaused = true),
      resume() {
        state.isPaused = false;
        wakeKubelet();
      },
    },
    restart,
    async restartOften(times, pauseMaxMs) {
      for (let i = 0; i < times; i++) {
        await clock.sleep(random() * pauseMaxMs, signal);
        await restart();
      }
    },
    until: (what, watched, read) =>
      until(informers, `${what} (seed ${seed})`, watched, () => read(), PATIENCE_MS),
    async [Symbol.asyncDispose]() {
      await term.end();
      abort.abort();
      await server.close();
      await store.close();
      // A retry heals what a mistake breaks: it must not hide it.
      assert.deepEqual(defects, [], `controllers failed as no server made them fail (seed ${seed})`);
    },
  };
}

/** Every second write to a path, the first of all: counted together, a write and the event of its failure would take turns. */
export function everySecondWrite(): Faults["refuses"] {
  const refused = new Set<string>();
  return ({ method, path }) => {
    const write = `${method} ${path}`;
    if (refused.delete(write)) return false;
    refused.add(write);
    return true;
  };
}

function conflicts(random: () => number): Faults["refuses"] {
  const refusals = new Map<string, number>();
  return ({ method, path }) => {
    const write = `${method} ${path}`;
    const before = refusals.get(write) ?? 0;
    const isRefused = before < REFUSALS_MAX && random() < 0.5;
    refusals.set(write, isRefused ? before + 1 : 0);
    return isRefused;
  };
}

/** One life of a controller manager. */
function startTerm(
  server: ApiServer,
  faults: Faults,
  random: () => number,
  clock: Clock,
  logger: Logger,
): { readonly end: () => Promise<void> } {
  const abort = new AbortController();
  const { signal } = abort;
  const clientOf = (user: typeof controllerManagerUser): Client =>
    newClient(faultyTransport(server.transport(user), faults, clock), {
      userAgent: "kube-controller-manager",
    });
  const client = clientOf(controllerManagerUser);
  const informers = newInformerFactory({ client, clock, logger });
  const recorder = newEventRecorder({ client, component: "test", clock, logger }, signal);
  const context = { client, informers, recorder, clock, random, logger };
  const controllers = newControllers(context, {
    // nobody sends the nodes' heartbeats
    names: ["*", "-node-lifecycle-controller"],
    rootCA: "CA",
    clientFor: (account) => clientOf(controllerUser(account)),
  });
  const manager = startManager({ ...context, controllers }, signal);
  return {
    async end() {
      abort.abort();
      await manager.stopped;
      await informers.stopped();
    },
  };
}
