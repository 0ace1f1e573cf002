import assert from "node:assert/strict";
import { test } from "node:test";
import { FeatureGates, parseFeatureGates, type FeatureSpec } from "./feature-gates.ts";
import { platformOf, versionInfo } from "./version.ts";

const known: Readonly<Record<string, FeatureSpec>> = {
  New: { default: false, stage: "ALPHA" },
  Tried: { default: true, stage: "BETA" },
  Done: { default: true, stage: "GA", lockToDefault: true },
};

test("FeatureGates answers with settings before defaults", () => {
  const gates = new FeatureGates(known, parseFeatureGates("New=true, Tried=f"));
  assert.deepEqual(gates.list(), [
    { name: "Done", stage: "GA", enabled: true },
    { name: "New", stage: "ALPHA", enabled: true },
    { name: "Tried", stage: "BETA", enabled: false },
  ]);
  assert.equal(new FeatureGates(known, parseFeatureGates("AllAlpha=true")).enabled("New"), true);
  assert.equal(new FeatureGates(known, parseFeatureGates("AllBeta=false")).enabled("Tried"), false);
  assert.throws(() => new FeatureGates(known).enabled("Other"), /not registered/);
});

test("FeatureGates refuses settings in upstream's words", () => {
  assert.throws(
    () => new FeatureGates(known, parseFeatureGates("Other=true")),
    /^Error: unrecognized feature gate: Other$/,
  );
  assert.throws(
    () => new FeatureGates(known, parseFeatureGates("Done=false")),
    /cannot set feature gate Done to false, feature is locked to true/,
  );
  assert.throws(() => parseFeatureGates("New"), /missing bool value for New/);
  assert.throws(
    () => parseFeatureGates("New=maybe"),
    /invalid value of New=maybe, err: strconv\.ParseBool: parsing "maybe": invalid syntax/,
  );
});

test("versionInfo is the version.Info of /version", () => {
  const info = versionInfo({ gitCommit: "abc", platform: "linux", arch: "x64" });
  assert.equal(info.major, "1");
  assert.equal(info.minor, "36");
  assert.match(info.gitVersion, /^v1\.36\.\d+\+k8ts$/);
  assert.equal(info.platform, "linux/amd64");
  assert.equal(platformOf("win32", "arm64"), "windows/arm64");
});
