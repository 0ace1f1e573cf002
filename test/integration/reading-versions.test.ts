/** resourceVersion, resourceVersionMatch, limit and continue in every combination, in upstream's codes and words. @module */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { configMap, startHttpServer, type HttpServer, type Json } from "./http-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const MATCH = "resourceVersionMatch: ";

suite("reading by version", () => {
  let server: HttpServer;
  /** Before and after the last of three was made. */
  let old = 0;
  let now = 0;
  let token = "";

  before(async () => {
    server = await startHttpServer();
    for (const name of ["a", "b", "c"]) {
      const { body } = await server.send("POST", MAPS, { body: configMap(name) });
      now = Number(body.metadata.resourceVersion);
      if (name === "b") old = now;
    }
    token = (await server.send("GET", `${MAPS}?limit=1`)).body.metadata.continue as string;
  });
  after(() => server[Symbol.asyncDispose]());

  const listed = async (query: string): Promise<readonly [names: string, metadata: Json]> => {
    const { code, body, text } = await server.send("GET", `${MAPS}?${query}`);
    assert.equal(code, 200, text);
    return [body.items.map(({ metadata }: Json) => metadata.name).join(""), body.metadata];
  };

  test("lists show the state that was asked for", async () => {
    const cases: readonly (readonly [query: string, names: string, isPaged: boolean])[] = [
      ["", "abc", false],
      ["limit=2", "ab", true],
      ["resourceVersion=0", "abc", false],
      // Who takes any state gets it whole.
      ["resourceVersion=0&limit=1", "abc", false],
      ["resourceVersion=0&limit=1&resourceVersionMatch=NotOlderThan", "abc", false],
      [`resourceVersion=${old}`, "abc", false],
      [`resourceVersion=${old}&resourceVersionMatch=NotOlderThan`, "abc", false],
      [`resourceVersion=${old}&resourceVersionMatch=NotOlderThan&limit=1`, "a", true],
      [`resourceVersion=${old}&resourceVersionMatch=Exact`, "ab", false],
      [`resourceVersion=${old}&limit=9`, "ab", false],
      [`resourceVersion=${old}&limit=1`, "a", true],
      [`resourceVersion=${now}&resourceVersionMatch=Exact&limit=2`, "ab", true],
      [`continue=${token}`, "bc", false],
      [`continue=${token}&limit=1`, "b", true],
      [`continue=${token}&resourceVersion=0`, "bc", false],
      ["limit=-5", "abc", false],
    ];
    for (const [query, names, isPaged] of cases) {
      const [found, metadata] = await listed(query);
      assert.equal(found, names, query);
      assert.equal(metadata.continue !== undefined, isPaged, query);
    }
    assert.equal((await listed(`resourceVersion=${old}&limit=1`))[1].resourceVersion, String(old));
    assert.equal((await listed(`resourceVersion=${old}&limit=1`))[1].remainingItemCount, 1);
    assert.equal((await listed("limit=1&labelSelector=!x"))[1].remainingItemCount, undefined);
  });

  const meta = "meta.k8s.io/v1";
  const refusals: readonly (readonly [query: string, code: number, message: string])[] = [
    [
      "resourceVersion=abc",
      400,
      'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    ],
    ["limit=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["timeoutSeconds=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["continue=@", 400, "invalid continue token: continue key is not valid"],
    [
      `continue=${encoded({ v: meta, rv: 0, start: "a" })}`,
      400,
      "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
    ],
    [
      `continue=${encoded({ v: meta, rv: 1, start: "" })}`,
      400,
      "encoded start key empty (version meta.k8s.io/v1)",
    ],
    [`continue=${encoded({ v: "v0" })}`, 400, "server does not recognize this encoded version v0"],
    [`continue=${encoded({ v: meta, rv: 1, start: "../x" })}`, 400, "continue key is not valid: ../x"],
    [
      "resourceVersionMatch=Exact",
      422,
      "resourceVersionMatch is forbidden unless resourceVersion is provided",
    ],
    [
      "resourceVersionMatch=Exact&resourceVersion=0",
      422,
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    [
      "resourceVersionMatch=Some&resourceVersion=1",
      422,
      `${MATCH}Unsupported value: "Some": supported values: "Exact", "NotOlderThan", ""`,
    ],
    [
      "resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=x",
      422,
      "resourceVersionMatch is forbidden when continue is provided",
    ],
    ["sendInitialEvents=true", 422, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"],
  ];
  for (const [query, code, message] of refusals) {
    test(`a list with ${query} is refused`, async () => {
      const { code: found, body } = await server.send("GET", `${MAPS}?${query}`);
      assert.equal(found, code);
      assert.ok(String(body.message).includes(message), body.message);
    });
  }

  test("a continued list has no resourceVersion of its own", async () => {
    const { code, body } = await server.send("GET", `${MAPS}?continue=${token}&resourceVersion=${now}`);
    assert.deepEqual(
      [code, body.message],
      [400, "specifying resource version is not allowed when using continue"],
    );
  });

  test("one object is as new as was asked for, or 504", async () => {
    for (const version of ["", "0", String(old), String(now)]) {
      assert.equal((await server.send("GET", `${MAPS}/a?resourceVersion=${version}`)).code, 200, version);
    }
    assert.equal((await server.send("GET", `${MAPS}/a?resourceVersion=x`)).code, 400);
    assert.equal((await server.send("GET", `${MAPS}/a?export=true`)).code, 400);
  });

  test("what is yet to come is a Timeout that says when to try again", async () => {
    const far = now + 1000;
    const answers = await Promise.all(
      [
        `${MAPS}?resourceVersion=${far}`,
        `${MAPS}?resourceVersion=${far}&resourceVersionMatch=Exact`,
        `${MAPS}/a?resourceVersion=${far}`,
      ].map((path) => server.send("GET", path)),
    );
    for (const { code, body, headers } of answers) {
      assert.equal(code, 504);
      assert.equal(headers["retry-after"], "1");
      assert.match(body.message, /^Timeout: Too large resource version: \d+, current: \d+$/);
      assert.deepEqual(body.details, {
        causes: [{ reason: "ResourceVersionTooLarge", field: "", message: "Too large resource version" }],
        retryAfterSeconds: 1,
      });
    }
  });
});

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
