import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import * as labels from "./index.ts";

test("parse reads every form and format writes it canonically", () => {
  const table: Record<string, string> = {
    "": "",
    a: "a",
    "!a": "!a",
    "a=1": "a=1",
    "a==1": "a==1",
    " a != 1 ": "a!=1",
    "a in (y,x)": "a in (x,y)",
    "a notin ()": "a notin ()",
    "x in (foo,,baz),y,z notin ()": "x in (,baz,foo),y,z notin ()",
    "b=2,a=1": "a=1,b=2",
    "in in (in,notin)": "in in (in,notin)",
    "a>1,b<2": "a>1,b<2",
    "a=": "a=",
    "a in (,)": "a in ()",
    "example.com/a=1": "example.com/a=1",
  };
  for (const [text, want] of Object.entries(table))
    assert.equal(labels.format(labels.parse(text)), want, text);
});

test("parse refuses with upstream's messages", () => {
  const table: Record<string, RegExp> = {
    "a,": /^found '', expected: identifier after ','$/,
    ",": /^found ',', expected: !, identifier, or 'end of string'$/,
    "a in b": /^unable to parse requirement: found 'b' expected: '\('$/,
    "a b": /^unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt$/,
    "a=1=2": /^found '=', expected: ',' or 'end of string'$/,
    "a>x": /for 'Gt', 'Lt' operators, the value must be an integer/,
    "-a=1": /^unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of/,
    "a=-1-": /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "-1-": a valid label must be/,
    "a in (x": /^unable to parse requirement: found '', expected: ',' or '\)'$/,
    "!": /^unable to parse requirement: found '', expected: identifier$/,
  };
  for (const [text, want] of Object.entries(table)) {
    assert.throws(() => labels.parse(text), { name: "SelectorError", message: want }, text);
  }
});

test("matches follows the operators", () => {
  const set = { app: "web", tier: "9" };
  const yes = [
    "",
    "app=web",
    "app in (web,db)",
    "app",
    "!x",
    "x!=1",
    "x notin (1)",
    "tier>8",
    "tier<10",
    "app=web,tier=9",
  ];
  const no = [
    "app=db",
    "app notin (web)",
    "!app",
    "x",
    "x=1",
    "tier>9",
    "app>1",
    "app=web,tier=8",
    "x in (1)",
  ];
  for (const text of yes) assert.ok(labels.matches(labels.parse(text), set), text);
  for (const text of no) assert.ok(!labels.matches(labels.parse(text), set), text);
  assert.ok(!labels.matches(labels.nothing, set));
  assert.ok(!labels.matches(labels.parse("toString"), {}));
});

test("fromLabelSelector converts labels and expressions", () => {
  const selector = labels.fromLabelSelector({
    matchLabels: { b: "2" },
    matchExpressions: [
      { key: "a", operator: "In", values: ["x"] },
      { key: "c", operator: "DoesNotExist" },
    ],
  });
  assert.equal(labels.format(selector), "a in (x),b=2,!c");
  assert.equal(labels.requiresExactMatch(selector, "a"), "x");
  assert.equal(labels.requiresExactMatch(selector, "c"), undefined);
  assert.ok(labels.isEverything(labels.fromLabelSelector({})));
  assert.equal(labels.fromLabelSelector(undefined).nothing, true);
  assert.throws(
    () => labels.fromLabelSelector({ matchExpressions: [{ key: "a", operator: "Is" }] }),
    /"Is" is not a valid label selector operator/,
  );
  assert.throws(
    () => labels.fromLabelSelector({ matchExpressions: [{ key: "a", operator: "In" }] }),
    /values set can't be empty/,
  );
});

test("format and parse are inverse", () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
  const requirement = fc.oneof(
    fc.tuple(word, fc.constantFrom("=", "==", "!="), word).map((parts) => parts.join("")),
    fc
      .tuple(word, fc.constantFrom("in", "notin"), fc.array(word, { minLength: 1, maxLength: 3 }))
      .map(([k, op, v]) => `${k} ${op} (${v.join()})`),
    word,
    word.map((k) => `!${k}`),
  );
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 4 }), (parts) => {
      const selector = labels.parse(parts.join(","));
      assert.deepEqual(labels.parse(labels.format(selector)), selector);
    }),
  );
});
