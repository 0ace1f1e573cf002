import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CelIssues } from "./source-error.ts";
import { compile } from "./compile.ts";
import { estimateCost } from "./cost/static.ts";
import { newEnv } from "./env.ts";
import { fromJson, toJson } from "./json-values.ts";
import { AUTHORIZER_TYPE, authorizerValue } from "./library/authorizer.ts";
import { CostExceeded, Meter } from "./meter.ts";
import { DYN, INT, listOf, STRING } from "./types.ts";
import { CelError, type CelValue } from "./values.ts";

const OBJECT = {
  replicas: 3,
  name: "héllo",
  list: [1, 2, 3],
  labels: { app: "web" },
  nothing: null,
  __proto__x: 1,
};

const env = newEnv({
  variables: {
    object: DYN,
    text: STRING,
    numbers: listOf(INT),
    input: STRING,
    other: STRING,
    authorizer: AUTHORIZER_TYPE,
  },
});

function value(name: string): CelValue {
  if (name === "object") return fromJson(OBJECT);
  if (name === "numbers") return [1n, 2n, 3n];
  if (name === "authorizer") {
    return authorizerValue(({ verb, resource, path, serviceAccount }) => ({
      allowed: verb === "get",
      reason: `${serviceAccount?.name ?? "user"} ${resource}${path ?? ""}`,
      error: "",
    }));
  }
  return "abc";
}

function run(source: string, meter: Meter = new Meter()): unknown {
  return toJson(compile(env, source).evaluate(value, meter));
}

const VALUES: readonly (readonly [source: string, expected: unknown])[] = [
  ["1 + 2 * 3 - 4 / 2 % 3", 5],
  ["-object.replicas + int(7u)", 4],
  ["object.replicas > 2 && object.name.startsWith('h') ? 'yes' : 'no'", "yes"],
  ["false && object.missing", false],
  ["object.missing || true", true],
  ["has(object.labels.app) && !has(object.labels.tier) && !has(object.nothing.at)", true],
  ["object.?labels.?tier.orValue('none')", "none"],
  ["object.labels[?'app'].optMap(v, v + '!').value()", "web!"],
  ["[?optional.none(), ?optional.of(1)]", [1]],
  ["{'a': 1, ?'b': optional.none()}", { a: 1 }],
  ["object.list.all(i, i > 0) && object.list.exists(i, i == 2) && object.list.exists_one(i, i == 3)", true],
  ["object.list.exists(i, 1 / (i - 1) == 1 || i == 3)", true],
  ["object.list.filter(i, i > 1).map(i, i * i)", [4, 9]],
  ["object.list.map(i, i > 1, string(i)).join(',')", "2,3"],
  ["object.labels.map(k, k)", ["app"]],
  ["[1, 2].map(i, [i]) == [[1], [2]]", true],
  ["['a', 'b'].all(i, v, i < 2 && v != '')", true],
  ["{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10)", { b: 20 }],
  ["['x', 'y'].transformMapEntry(i, v, {v: i})", { x: 0, y: 1 }],
  ["{'a': 1}.transformList(k, v, k + string(v))", ["a1"]],
  ["[3, 1, 2].sort() == [1, 2, 3] && ['bb', 'a'].sortBy(s, s.size()) == ['a', 'bb']", true],
  ["[[1], [2, 3]].flatten().reverse().slice(0, 2)", [3, 2]],
  ["[1, 1, 2].distinct() + lists.range(2)", [1, 2, 0, 1]],
  ["[1, 2, 3].sum() + [1, 2].max() + [5, 4].min() + [1, 2].indexOf(2) + [1].lastIndexOf(9)", 12],
  ["sets.contains([1, 2], [1]) && sets.equivalent([1, 2], [2, 1, 1]) && !sets.intersects([1], [2])", true],
  ["dyn(1) == dyn(1.0) && dyn(1u) == dyn(1) && 1 < 1.5 && 2u > 1", true],
  ["1 in {1: 'a'} && 'b' in ['a', 'b'] && !('c' in {'a': 1})", true],
  ["type(1) == int && type('a') == string && type([]) == list && type(type(1)) == type", true],
  [
    "'%s %d %.2f %x %b %o %s'.format(['a', dyn(1), dyn(1.5), dyn(255), dyn(5), dyn(8), dyn({'k': 1.5})])",
    'a 1 1.50 ff 101 10 {"k":1.500000}',
  ],
  ["'héllo'.size() + 'héllo'.indexOf('l') + b'é'.size()", 9],
  [
    "'a,b,c'.split(',', 2) + ['abc'.substring(1), 'x'.replace('', '-'), ' t '.trim(), 'aB'.upperAscii()]",
    ["a", "b,c", "bc", "-x-", "t", "AB"],
  ],
  ["strings.quote('a\"b\\n')", '"a\\"b\\n"'],
  [
    "'a1b22'.find('[0-9]+') + 'a1b22'.findAll('[0-9]+').join('|') + string('abc'.matches('^a.c$'))",
    "11|22true",
  ],
  ["duration('1h30m').getMinutes() + timestamp('2024-02-29T12:00:00Z').getDayOfMonth()", 118],
  [
    "string(timestamp('2024-01-01T00:00:00.5Z') + duration('36h')) + string(duration('1.5s'))",
    "2024-01-02T12:00:00.5Z1.5s",
  ],
  [
    "timestamp('2024-01-01T00:00:00Z').getHours('-02:00') + timestamp('2024-07-01T00:00:00Z').getHours('Europe/Berlin')",
    24,
  ],
  [
    "string(1.5) + string(1e6) + string(123456789.0) + string(0.00001) + string(100000.0)",
    "1.51e+061.23456789e+081e-05100000",
  ],
  ["int('-42') + int(3.9) + int(timestamp('1970-01-01T00:00:05Z'))", -34],
  [
    "quantity('1Gi').isGreaterThan(quantity('1Mi')) && quantity('1').add(2).asInteger() == 3 && quantity('-1').sign() == -1",
    true,
  ],
  ["quantity('1000m') == quantity('1') && !isQuantity('x')", true],
  [
    "url('https://u@a.example:8443/p%20q?x=1&x=2#f').getHostname() + string(url('/a').getScheme() == '')",
    "a.exampletrue",
  ],
  ["url('https://[::1]:80/p?x=1&x=2').getQuery()['x'] == ['1', '2'] && !isURL('a b')", true],
  [
    "ip('2001:db8::1').family() == 6 && ip.isCanonical('::1') && !isIP('1.2.3.04') && ip('127.0.0.1').isLoopback()",
    true,
  ],
  [
    "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
    true,
  ],
  ["string(cidr('fd00::/8').ip()) + string(cidr('10.0.0.0/8').prefixLength())", "fd00::8"],
  [
    "semver('v1.2', true) == semver('1.2.0') && semver('1.0.0-rc.1').isLessThan(semver('1.0.0')) && !isSemver('1.2')",
    true,
  ],
  ["format.dns1123Label().validate('a-b').hasValue() || format.named('nope').hasValue()", false],
  ["format.uuid().validate('x').value()", ["does not match the UUID format"]],
  [
    "authorizer.group('').resource('pods').check('get').allowed() && !authorizer.path('/x').check('put').allowed()",
    true,
  ],
  [
    "authorizer.serviceAccount('ns', 'sa').group('apps').resource('deployments').check('get').reason()",
    "sa deployments",
  ],
  ["r'\\d' + \"\\u00e9\" + '''multi\nline''' + string(b'\\xff'.size())", "\\démulti\nline1"],
  ["object.`__proto__x`", 1],
];

suite("compile()", () => {
  for (const [source, expected] of VALUES) {
    test(`compile() makes of ${source} what CEL means`, () => {
      assert.deepEqual(run(source), expected);
    });
  }
});

const FAILURES: readonly (readonly [source: string, message: string])[] = [
  ["object.missing.at", "no such key: missing"],
  ["object.list[5]", "index out of bounds: 5"],
  ["1 / 0", "division by zero"],
  ["1 % 0", "modulus by zero"],
  ["9223372036854775807 + 1", "integer overflow"],
  ["uint(-1)", "unsigned integer overflow"],
  ["object.name < object.replicas", "no such overload: _<_(string, int)"],
  ["optional.none().value()", "optional.none() dereference"],
  ["int(text)", "type conversion error from 'string' to 'int'"],
  ["object.list.all(i, i / 0 == 1)", "division by zero"],
  ["'abc'.substring(5)", "index out of range: 5"],
  ["[].max()", "max called on empty list"],
];

suite("evaluate()", () => {
  for (const [source, message] of FAILURES) {
    test(`evaluate() fails for ${source}`, () => {
      assert.throws(
        () => run(source),
        (err) => err instanceof CelError && err.message === message,
      );
    });
  }

  test("evaluate() stops when it has cost too much, and nothing absorbs that", () => {
    const list = "lists.range(1000)";
    const source = `${list}.all(a, ${list}.all(b, ${list}.all(c, a + b + c >= 0))) || true`;
    assert.throws(() => run(source), CostExceeded);
  });
});

const ISSUES: readonly (readonly [source: string, message: string])[] = [
  [
    "text + 1",
    "ERROR: <input>:1:6: found no matching overload for '_+_' applied to '(string, int)'\n | text + 1\n | .....^",
  ],
  ["nope", "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^"],
  ["text.foo", "ERROR: <input>:1:5: type 'string' does not support field selection\n | text.foo\n | ....^"],
  [
    "text.foo()",
    "ERROR: <input>:1:9: undeclared reference to 'foo' (in container '')\n | text.foo()\n | ........^",
  ],
  [
    "text.startsWith(1)",
    "ERROR: <input>:1:16: found no matching overload for 'startsWith' applied to 'string.(int)'\n | text.startsWith(1)\n | ...............^",
  ],
  ["[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^"],
  [
    "text.all(i, true)",
    "ERROR: <input>:1:1: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)\n | text.all(i, true)\n | ^",
  ],
  [
    "numbers.all(i + 1, true)",
    "ERROR: <input>:1:15: argument must be a simple name\n | numbers.all(i + 1, true)\n | ..............^",
  ],
  ["has(text)", "ERROR: <input>:1:5: invalid argument to has() macro\n | has(text)\n | ....^"],
  ["duration('1x')", "ERROR: <input>:1:10: invalid duration argument\n | duration('1x')\n | .........^"],
  ["1 = 2", "ERROR: <input>:1:3: Syntax error: token recognition error at: '='\n | 1 = 2\n | ..^"],
  [
    "'é' + 1",
    "ERROR: <input>:1:5: found no matching overload for '_+_' applied to '(string, int)'\n | 'é' + 1\n | .．..^",
  ],
];

suite("CelIssues", () => {
  for (const [source, message] of ISSUES) {
    test(`CelIssues shows what is wrong with ${source}`, () => {
      assert.throws(
        () => compile(env, source),
        (err) => err instanceof CelIssues && (assert.equal(err.message, message), true),
      );
    });
  }

  test("CelIssues tells of expressions that are nested too deeply", () => {
    assert.throws(
      () => compile(env, `${"(".repeat(300)}1${")".repeat(300)}`),
      /recursion limit exceeded: 250/,
    );
  });
});

/** With a text of 500 characters, a text of 500, and 100 numbers. */
const COSTS: readonly (readonly [source: string, spent: number, min: number, max: number])[] = [
  ["'Hello World!'", 0, 0, 0],
  ["input", 1, 1, 1],
  ["numbers.all(x, true)", 11, 2, 302],
  ["input.contains(other)", 3, 2, 2502],
  ["input.matches('[0-9]')", 3, 3, 103],
  ["input.startsWith(other)", 3, 2, 52],
  ["'abcdefg'.contains(input + other)", 4, 2, 202],
  ["object.replicas == 3", 3, 2, 2],
  ["'a' in ['a', 'b']", 0, 12, 12],
  ["numbers.map(n, n * 2)", 44, 12, 1412],
  ["numbers.sum()", 4, 1, 101],
  ["authorizer.group('').resource('x').check('get').allowed()", 350_004, 350_004, 350_004],
];

const sizeOf = ([name]: readonly string[]) =>
  name === "numbers"
    ? { min: 0, max: 100 }
    : name === "input" || name === "other"
      ? { min: 0, max: 500 }
      : undefined;

suite("estimateCost()", () => {
  for (const [source, spent, min, max] of COSTS) {
    test(`estimateCost() bounds what ${source} costs`, () => {
      const meter = new Meter();
      const program = compile(env, source);
      program.evaluate(value, meter);
      assert.deepEqual([meter.spent, estimateCost(program.expr, sizeOf)], [spent, { min, max }]);
    });
  }
});
