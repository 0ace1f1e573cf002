/** CEL selectors of devices: `device.driver`, `device.attributes["domain"].name`, `device.capacity["domain"].name`. @module */
import { messageOf } from "#apimachinery";
import { compileSelector, SELECTOR_COST_MAX } from "#api/resource/v1/device-environment";
import type { Device, DeviceAttribute } from "#api/resource/v1/types.gen";
import { compile, MapValue, Meter, newEnv, STRING, type CelValue, type Program } from "#apimachinery/cel";

/** Expressions kept compiled. */
const COMPILED_MAX = 500;
/** Answers of one device remembered. */
const ANSWERS_MAX = 100;

export class DeviceSelectors {
  readonly #compiled = new Map<string, Program | Error>();
  readonly #asValue = new WeakMap<Device, CelValue>();
  /** By expression: every pod asks the same of the devices of every node. */
  readonly #answers = new WeakMap<Device, Map<string, boolean>>();

  /** Throws why the expression is none, or fails for this device. */
  matches(expression: string, driver: string, device: Device): boolean {
    let answers = this.#answers.get(device);
    if (answers === undefined) this.#answers.set(device, (answers = new Map()));
    let answer = answers.get(expression);
    if (answer !== undefined) return answer;
    answer = this.#ask(expression, driver, device);
    if (answers.size >= ANSWERS_MAX) answers.clear();
    answers.set(expression, answer);
    return answer;
  }

  #ask(expression: string, driver: string, device: Device): boolean {
    const program = this.#program(expression);
    if (program instanceof Error) throw new Error(`CEL compile error: ${program.message}`);
    let value = this.#asValue.get(device);
    if (value === undefined) this.#asValue.set(device, (value = deviceValue(driver, device)));
    const answer = evaluated(program, { device: value });
    if (typeof answer === "boolean") return answer;
    throw new Error(`CEL runtime error: expression returned a value that is no boolean`);
  }

  #program(expression: string): Program | Error {
    const known = this.#compiled.get(expression);
    if (known !== undefined) return known;
    const compiled = compileSelector(expression);
    const program = typeof compiled === "string" ? new Error(compiled) : compiled;
    if (this.#compiled.size >= COMPILED_MAX) this.#compiled.clear();
    this.#compiled.set(expression, program);
    return program;
  }
}

function evaluated(program: Program, variables: Readonly<Record<string, CelValue>>): CelValue {
  try {
    return program.evaluate((name) => variables[name]!, new Meter(SELECTOR_COST_MAX));
  } catch (err) {
    throw new Error(`CEL runtime error: ${messageOf(err)}`, { cause: err });
  }
}

/** A map in which every domain is found: one that has nothing is empty. */
class Domains extends MapValue {
  readonly #domains: ReadonlyMap<string, MapValue>;

  constructor(domains: ReadonlyMap<string, MapValue>) {
    super();
    this.#domains = domains;
  }

  get size(): number {
    return this.#domains.size;
  }

  find(key: CelValue): CelValue | undefined {
    return typeof key === "string" ? (this.#domains.get(key) ?? EMPTY) : undefined;
  }

  keys(): Iterable<CelValue> {
    return this.#domains.keys();
  }
}

class Entries extends MapValue {
  readonly #entries: ReadonlyMap<string, CelValue>;

  constructor(entries: ReadonlyMap<string, CelValue>) {
    super();
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(key: CelValue): CelValue | undefined {
    return typeof key === "string" ? this.#entries.get(key) : undefined;
  }

  keys(): Iterable<CelValue> {
    return this.#entries.keys();
  }
}

const EMPTY = new Entries(new Map());

function deviceValue(driver: string, device: Device): CelValue {
  const { attributes = {}, capacity = {}, allowMultipleAllocations = false } = device;
  return new Entries(
    new Map<string, CelValue>([
      ["driver", driver],
      ["attributes", byDomain(driver, attributes, attributeValue)],
      ["capacity", byDomain(driver, capacity, ({ value }) => made("quantity(text)", value))],
      ["allowMultipleAllocations", allowMultipleAllocations],
    ]),
  );
}

/** A name without a domain is in that of the driver. */
function byDomain<T>(
  driver: string,
  named: Readonly<Record<string, T>>,
  valueOf: (value: T) => CelValue,
): Domains {
  const domains = new Map<string, Map<string, CelValue>>();
  for (const [name, value] of Object.entries(named)) {
    const slash = name.indexOf("/");
    const domain = slash < 0 ? driver : name.slice(0, slash);
    const entries = domains.get(domain) ?? new Map<string, CelValue>();
    domains.set(domain, entries.set(name.slice(slash + 1), valueOf(value)));
  }
  return new Domains(new Map([...domains].map(([domain, entries]) => [domain, new Entries(entries)])));
}

function attributeValue({ int, bool, string, version }: DeviceAttribute): CelValue {
  if (int !== undefined) return BigInt(int);
  if (bool !== undefined) return bool;
  if (string !== undefined) return string;
  if (version !== undefined) return made("semver(text)", version);
  throw new Error("unsupported attribute value");
}

const makers = new Map<string, Program>();

/** Quantities and versions are made by the functions that expressions make them with. */
function made(expression: "quantity(text)" | "semver(text)", text: string): CelValue {
  let program = makers.get(expression);
  if (program === undefined) {
    program = compile(newEnv({ variables: { text: STRING } }), expression);
    makers.set(expression, program);
  }
  return evaluated(program, { text });
}
