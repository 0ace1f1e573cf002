import assert from "node:assert/strict";
import { test } from "node:test";
import type { VolumeMount } from "#api/core/v1/types.gen";
import { resolveRecursiveReadOnly } from "./recursive-read-only.ts";

const mount = (rest: Partial<VolumeMount>): VolumeMount => ({
  name: "v",
  mountPath: "/v",
  readOnly: true,
  ...rest,
});

const cases: readonly {
  readonly mount: Partial<VolumeMount>;
  readonly isSupported: boolean;
  readonly want: boolean | RegExp;
}[] = [
  { mount: {}, isSupported: true, want: false },
  { mount: { recursiveReadOnly: "IfPossible" }, isSupported: false, want: false },
  { mount: { recursiveReadOnly: "IfPossible" }, isSupported: true, want: true },
  { mount: { recursiveReadOnly: "Enabled" }, isSupported: true, want: true },
  {
    mount: { recursiveReadOnly: "Enabled" },
    isSupported: false,
    want: /^volume "v" requested recursive read-only mode, but it is not supported by the runtime$/,
  },
  {
    mount: { recursiveReadOnly: "Enabled", readOnly: false },
    isSupported: true,
    want: /but it is not read-only$/,
  },
  {
    mount: { recursiveReadOnly: "Enabled", mountPropagation: "HostToContainer" },
    isSupported: true,
    want: /not compatible with propagation "HostToContainer"$/,
  },
];

for (const { mount: rest, isSupported, want } of cases) {
  test(`resolveRecursiveReadOnly() of ${JSON.stringify(rest)}${isSupported ? "" : " on an older runtime"}`, () => {
    const asked = mount(rest);
    if (want instanceof RegExp)
      assert.throws(() => resolveRecursiveReadOnly(asked, isSupported), { message: want });
    else assert.equal(resolveRecursiveReadOnly(asked, isSupported), want);
  });
}
