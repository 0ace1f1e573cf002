import assert from "node:assert/strict";
import test from "node:test";
import { asTyped, typedName } from "./typed-name.ts";

const NAMES: readonly [what: string, called: string | undefined, onPath: string, name: string][] = [
  ["in a fresh clone", "./k8ts", "", "./k8ts"],
  ["from another folder", "/src/k8ts/k8ts", "", "/src/k8ts/k8ts"],
  ["installed", "/usr/local/bin/k8ts", "/usr/local/bin/k8ts", "k8ts"],
  ["without the shell launcher", undefined, "", "k8ts"],
];
for (const [what, called, onPath, name] of NAMES) {
  test(`typedName is what the user types ${what}`, () => {
    assert.equal(
      typedName(called, "/usr/local/bin:/usr/bin", (file) => file === onPath),
      name,
    );
  });
}

const FIXES: readonly [fix: string, shown: string][] = [
  ["k8ts start -p dev, or k8ts profile list", "./k8ts start -p dev, or ./k8ts profile list"],
  ["sudo k8ts start", "sudo ./k8ts start"],
  ["kubectl config use-context k8ts", "kubectl config use-context k8ts"],
  ["remove k8ts-916a47e2, or k8ts delete", "remove k8ts-916a47e2, or ./k8ts delete"],
  ["rm -r /run/k8ts", "rm -r /run/k8ts"],
];
for (const [fix, shown] of FIXES) {
  test(`asTyped shows "${fix}"`, () => assert.equal(asTyped(fix, "./k8ts"), shown));
}
