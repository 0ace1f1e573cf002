/** Registers tests under their official names and runs them, many at a time, on one cluster per process. @module */
import { after, suite, test, type TestContext } from "node:test";
import { startLaunched, startSimulated, type Backend, type Launched, type Simulated } from "./backends.ts";
import { newContext, type ContainersContext, type SimulatedContext } from "./context.ts";
import { readOfficialTests } from "./names.ts";

export interface ConformanceOptions {
  /** Run on a launched cluster with real containers, instead of the simulated one. */
  readonly containers?: boolean;
  /** Default 300 s. */
  readonly timeoutMs?: number;
}

interface Registered {
  readonly name: string;
  readonly backend: Backend;
  readonly timeoutMs: number;
  readonly run: (test: TestContext) => Promise<void>;
}

/** Tests at a time: they wait more than they work. Those with containers share two processors with what they start. */
const CONCURRENCY: Readonly<Record<Backend, number>> = { simulated: 8, containers: 4 };
const TIMEOUT_MS: Readonly<Record<Backend, number>> = { simulated: 300_000, containers: 300_000 };
/** Official marks of tests that need the cluster for themselves. */
const ALONE = /\[Serial\]|\[Disruptive\]/;

const official = readOfficialTests();
const registered = new Map<string, Registered>();
/** While topics are being loaded: nothing runs before the last is there. */
let isHeld = false;
let isDue = false;
let simulated: Promise<Simulated> | undefined;
let launched: Promise<Launched> | undefined;

/** Throws when `name` is no official name, or was registered before. Call it while the module loads. */
export function conformance(name: string, fn: (t: SimulatedContext) => Promise<void>): void;
export function conformance(
  name: string,
  options: ConformanceOptions & { readonly containers: true },
  fn: (t: ContainersContext) => Promise<void>,
): void;
export function conformance(
  name: string,
  options: ConformanceOptions & { readonly containers?: false },
  fn: (t: SimulatedContext) => Promise<void>,
): void;
export function conformance(
  name: string,
  optionsOrFn: ConformanceOptions | ((t: SimulatedContext) => Promise<void>),
  given?: (t: never) => Promise<void>,
): void {
  if (!official.has(name)) throw new Error(`Not an official name: ${name}`);
  if (registered.has(name)) throw new Error(`Registered twice: ${name}`);
  const [options, fn] = typeof optionsOrFn === "function" ? [{}, optionsOrFn] : [optionsOrFn, given!];
  const backend = options.containers === true ? "containers" : "simulated";
  const { timeoutMs = TIMEOUT_MS[backend] } = options;
  const run = backend === "containers" ? onContainers(fn as OnContainers) : onSimulated(fn as OnSimulated);
  registered.set(name, { name, backend, timeoutMs, run });
  if (isHeld || isDue) return;
  isDue = true;
  setImmediate(declare); // a file that is run by itself has registered all of its tests by then
}

/** Imports the topic files, then runs their tests that are for this backend. A file that does not load is a failed test. */
export async function runTopics(files: readonly string[], backend: Backend): Promise<void> {
  isHeld = true;
  for (const file of files) {
    try {
      await import(file);
    } catch (err) {
      test(`${file} loads`, () => Promise.reject(err));
    }
  }
  declare(backend);
}

type OnSimulated = (t: SimulatedContext) => Promise<void>;
type OnContainers = (t: ContainersContext) => Promise<void>;

function onSimulated(fn: OnSimulated): Registered["run"] {
  return async (t) => {
    const { session, cluster } = await (simulated ??= startSimulated());
    await fn({ ...(await newContext(t, session)), cluster });
  };
}

function onContainers(fn: OnContainers): Registered["run"] {
  return async (t) => {
    if (process.geteuid?.() !== 0) return t.skip("needs root: real containers");
    const { session, cluster } = await (launched ??= startLaunched());
    await fn({ ...(await newContext(t, session)), cluster });
  };
}

function declare(only?: Backend): void {
  const chosen = [...registered.values()].filter(({ backend }) => only === undefined || backend === only);
  for (const backend of ["simulated", "containers"] as const) {
    const ours = chosen.filter((entry) => entry.backend === backend);
    const alone = ours.filter(({ name }) => ALONE.test(name));
    declareSuite(
      `${backend}, together`,
      CONCURRENCY[backend],
      ours.filter((entry) => !alone.includes(entry)),
    );
    declareSuite(`${backend}, one by one`, 1, alone);
  }
  after(async () => {
    // one that failed to start has told so in every test
    await simulated?.then(
      (cluster) => cluster.close(),
      () => {},
    );
    await launched?.then(
      (cluster) => cluster.close(),
      () => {},
    );
  });
}

function declareSuite(title: string, concurrency: number, entries: readonly Registered[]): void {
  if (entries.length === 0) return;
  suite(title, { concurrency }, () => {
    for (const { name, timeoutMs, run } of entries) test(name, { timeout: timeoutMs }, run);
  });
}
