/** `--eviction-hard memory.available<100Mi,nodefs.available<10%`: when a node reports pressure. Upstream's signals. @module */
import { InvalidArgumentError } from "commander";
import { isQuantity, parseQuantity, quantityValue } from "#apimachinery";
import type { PressureThresholds } from "#kubelet";

type Mutable = { -readonly [Name in keyof PressureThresholds]?: PressureThresholds[Name] };

/** Signal -> the threshold it sets, and whether it is a share of the whole. */
const SIGNALS: Readonly<
  Record<string, { readonly field: keyof PressureThresholds; readonly isShare: boolean }>
> = {
  "memory.available": { field: "memoryAvailableBytes", isShare: false },
  "nodefs.available": { field: "fsAvailable", isShare: true },
  "nodefs.inodesFree": { field: "fsInodesFree", isShare: true },
  "pid.available": { field: "pidsAvailable", isShare: true },
};

export function parseEvictionHard(text: string): Partial<PressureThresholds> {
  const thresholds: Mutable = {};
  for (const part of text.split(",").filter((entry) => entry !== "")) {
    const [name = "", value = ""] = part.split("<");
    const signal = SIGNALS[name];
    if (signal === undefined) {
      throw new InvalidArgumentError(
        `unknown signal ${JSON.stringify(name)}; known are ${Object.keys(SIGNALS).join(", ")}`,
      );
    }
    thresholds[signal.field] = signal.isShare ? share(name, value) : bytes(name, value);
  }
  return thresholds;
}

function share(name: string, value: string): number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(value)?.[1];
  if (percent === undefined || Number(percent) > 100)
    throw new InvalidArgumentError(`${name} needs a percentage`);
  return Number(percent) / 100;
}

function bytes(name: string, value: string): number {
  if (!isQuantity(value)) throw new InvalidArgumentError(`${name} needs a quantity like 100Mi`);
  return quantityValue(parseQuantity(value));
}
