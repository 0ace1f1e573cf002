/** Constraints over the devices of one claim: equal, or different, in an attribute. @module */
import type { Device, DeviceConstraint } from "#api/resource/v1/types.gen";

export class AttributeConstraint {
  readonly #requests: ReadonlySet<string>;
  readonly #attribute: string;
  readonly #isDistinct: boolean;
  /** The values of the devices so far. */
  readonly #values: string[] = [];

  constructor({ requests = [], matchAttribute, distinctAttribute }: DeviceConstraint) {
    this.#requests = new Set(requests);
    this.#attribute = matchAttribute ?? distinctAttribute ?? "";
    this.#isDistinct = matchAttribute === undefined;
  }

  /** Whether the device can be one of them; then it is, until `remove`. `request` is `name` or `name/subrequest`. */
  add(request: string, driver: string, device: Device): boolean {
    if (!this.#concerns(request)) return true;
    const value = valueOf(device, driver, this.#attribute);
    if (value === undefined) return false;
    const isGood = this.#isDistinct
      ? !this.#values.includes(value)
      : this.#values.length === 0 || this.#values[0] === value;
    if (isGood) this.#values.push(value);
    return isGood;
  }

  /** The device that was added last. */
  remove(request: string): void {
    if (this.#concerns(request)) this.#values.pop();
  }

  #concerns(request: string): boolean {
    if (this.#requests.size === 0) return true;
    return this.#requests.has(request) || this.#requests.has(request.split("/")[0]!);
  }
}

/** The domain of a driver's own attributes may be left out. */
function valueOf({ attributes = {} }: Device, driver: string, name: string): string | undefined {
  const slash = name.indexOf("/");
  const own = slash >= 0 && name.slice(0, slash) === driver ? attributes[name.slice(slash + 1)] : undefined;
  const attribute = attributes[name] ?? own;
  if (attribute === undefined) return undefined;
  const { string, int, bool, version } = attribute;
  return JSON.stringify([string, int, bool, version]);
}
