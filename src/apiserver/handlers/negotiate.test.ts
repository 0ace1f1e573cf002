import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, negotiateAny, negotiateValue, wantsPretty } from "./negotiate.ts";

test("negotiate() takes the first form that the server has, by quality", () => {
  const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const cases = {
    "": "json",
    "*/*": "json",
    "application/vnd.kubernetes.protobuf,application/json": "json",
    "application/yaml": "yaml",
    "application/json;q=0.5, application/yaml;q=0.9": "yaml",
    [`${table},application/json`]: "json Table",
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io, application/json": "json Table v1beta1",
    "application/json;as=Table;v=v2;g=meta.k8s.io, application/json": "json",
    "application/json;g=meta.k8s.io, application/yaml": "yaml",
    "application/json;sv=v2, application/yaml;sv=v1": "yaml",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1": "json PartialObjectMetadata",
  };
  for (const [accept, expected] of Object.entries(cases)) {
    const { format, as, version = "" } = negotiate(accept);
    assert.equal(`${format} ${as} ${version}`.trim(), expected, accept);
  }
});

test("negotiateAny() also has protobuf, for all but Tables", () => {
  const pb = "application/vnd.kubernetes.protobuf";
  const partial = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
  const table = "as=Table;g=meta.k8s.io;v=v1";
  const cases = {
    [pb]: "protobuf",
    [`${pb},application/json`]: "protobuf",
    [`${pb};stream=watch`]: "protobuf",
    [`application/json,${pb}`]: "json",
    [`application/json;q=0.8,${pb};q=0.9`]: "protobuf",
    [`*/*,${pb}`]: "protobuf",
    [`${pb};q=0.1,*/*`]: "json",
    [`application/yaml;stream=watch,${pb}`]: "protobuf",
    [`${pb};${partial},application/json;${partial}`]: "protobuf PartialObjectMetadata",
    [`${pb};${table},application/json;${table}`]: "json Table",
    [`${pb};as=Other;g=x;v=v1,application/json`]: "json",
  };
  for (const [accept, expected] of Object.entries(cases)) {
    const { format, as } = negotiateAny(accept);
    assert.equal(`${format} ${as}`.trim(), expected, accept);
  }
  assert.equal(negotiateAny(`${pb};${partial}`, false, "metadata").format, "protobuf");
  assert.throws(() => negotiateAny(pb, false, "metadata"), /vnd\.kubernetes\.protobuf$/);
  assert.throws(() => negotiate(pb), /accepted: application\/json, application\/yaml$/);
});

test("negotiate() refuses what it cannot write", () => {
  assert.throws(() => negotiate("image/png"), /only the following media types are accepted/);
  assert.throws(() => negotiate("application/yaml", true), /stream=watch/);
});

test("negotiateValue() has no Table", () => {
  const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  assert.throws(() => negotiateValue(table, false), /only the following media types are accepted/);
  assert.throws(() => negotiateValue(`${table},image/png`, true), /vnd\.kubernetes\.protobuf$/);
  assert.deepEqual(negotiateValue(`${table},application/yaml`, false), { format: "yaml", as: "" });
  assert.deepEqual(negotiateValue("", true), { format: "json", as: "" });
});

test("wantsPretty() is for people", () => {
  assert.equal(wantsPretty(new URLSearchParams(), "curl/8.0"), true);
  assert.equal(wantsPretty(new URLSearchParams("pretty=false"), "curl/8.0"), false);
  assert.equal(wantsPretty(new URLSearchParams("pretty=T"), "kubectl/v1.36.0"), true);
  assert.equal(wantsPretty(new URLSearchParams("pretty=yes"), "Mozilla/5.0"), false);
  assert.equal(wantsPretty(new URLSearchParams("pretty="), "Mozilla/5.0"), true);
  assert.equal(wantsPretty(new URLSearchParams(), "Mozilla/4.0"), false);
  assert.equal(wantsPretty(new URLSearchParams(), "kubectl/v1.36.0"), false);
});
