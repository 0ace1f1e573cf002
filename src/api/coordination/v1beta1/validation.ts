/** Rules for LeaseCandidates. @module */
import { field } from "#apimachinery";
import { immutable, NONE, type Causes } from "../../validation/common.ts";
import { validateStrategy } from "../v1/validation.ts";
import type { LeaseCandidate } from "./types.gen.ts";

type Version = readonly (number | string)[];

export function validateLeaseCandidate({ spec }: LeaseCandidate): Causes {
  const { leaseName, binaryVersion: binary, emulationVersion: emulated = "", strategy } = spec;
  const [own, emulation] = [parse(binary), parse(emulated)];
  const needsEmulation = strategy === "OldestEmulationVersion" && isZero(emulation);
  return [
    ...(leaseName ? NONE : [field.required("spec.leaseName")]),
    ...(emulated !== "" && emulation === undefined
      ? [field.invalid("spec.emulationVersion", emulated, "must be a valid semantic version")]
      : NONE),
    ...(binary === "" ? [field.required("spec.binaryVersion")] : NONE),
    ...(binary !== "" && own === undefined
      ? [field.invalid("spec.binaryVersion", binary, "must be a valid semantic version")]
      : NONE),
    ...(binary !== "" && emulated !== "" && compare(own, emulation) < 0
      ? [field.invalid("spec.binaryVersion", binary, "must be greater than or equal to `emulationVersion`")]
      : NONE),
    ...(needsEmulation
      ? [
          field.required(
            "spec.emulationVersion",
            "must be specified when `strategy` is 'OldestEmulationVersion'",
          ),
        ]
      : NONE),
    ...(strategy ? validateStrategy(strategy, "spec.strategy") : [field.required("spec.strategy")]),
  ];
}

export function validateLeaseCandidateUpdate(candidate: LeaseCandidate, old: LeaseCandidate): Causes {
  return immutable(candidate.spec.leaseName, old.spec.leaseName, "spec.leaseName");
}

const FORM =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Numbers, then what stands after the dash. */
function parse(text: string): Version | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, pre = ""] = match;
  const tail = pre === "" ? [] : pre.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return [Number(major), Number(minor), Number(patch), ...tail];
}

const ZERO: Version = [0, 0, 0];
const isZero = (version: Version | undefined): boolean => compare(version, ZERO) === 0;

/** What is no version counts as 0.0.0. A version before a release is less than the release. */
function compare(a: Version = ZERO, b: Version = ZERO): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === y) continue;
    if (x === undefined || y === undefined) {
      const shorter = x === undefined ? -1 : 1;
      // The first part after the numbers makes it less, every further one more.
      return i === ZERO.length ? -shorter : shorter;
    }
    if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}
