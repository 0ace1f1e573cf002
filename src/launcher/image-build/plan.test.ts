import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { buildArguments } from "./buildah.ts";
import { parseDockerfile } from "./dockerfile.ts";
import { parseDockerignore } from "./dockerignore.ts";
import { planBuild, whyBuildah, type BuildPlan } from "./plan.ts";
import { expand, words } from "./words.ts";

const none: ReadonlyMap<string, string> = new Map();

function plan(text: string, buildArgs = none): BuildPlan {
  return planBuild(parseDockerfile(text), { buildArgs, platformArgs: none });
}

suite("whyBuildah", () => {
  const cases: readonly [dockerfile: string, reason: string | undefined][] = [
    ["FROM scratch\nCOPY a /", undefined],
    ["FROM local\nCOPY a /", undefined],
    ["FROM scratch\nCOPY --from=context a /", undefined],
    ["FROM scratch AS a\nFROM a\nCOPY --from=a x /", undefined],
    ["FROM scratch\nADD a.txt /", undefined],
    ["FROM scratch\nRUN make", "2 RUN"],
    ["FROM remote:1", "1 the base image remote:1, which is not here"],
    ["ARG B=remote\nFROM ${B}:2", "2 the base image remote:2, which is not here"],
    ["FROM scratch\nADD https://example.com/x /", "2 ADD of a URL"],
    ["FROM scratch\nADD root.tar.gz /", "2 ADD of an archive"],
    ["FROM scratch\nCOPY root.tar.gz /", undefined],
    ["FROM scratch\nCOPY --from=nginx:1 /a /b", "2 COPY from the image nginx:1"],
    ["FROM scratch\nCOPY <<EOF /a", "2 a here-document"],
  ];
  for (const [dockerfile, expected] of cases)
    test(`whyBuildah of ${JSON.stringify(dockerfile)} is ${expected ?? "nothing"}`, () => {
      const reason = whyBuildah(
        plan(dockerfile),
        (image) => image === "local",
        (name) => name === "context",
      );
      assert.equal(reason && `${reason.line} ${reason.what}`, expected);
    });
});

suite("planBuild", () => {
  test("planBuild takes only the stages that the target needs", () => {
    const text = "FROM scratch AS a\nFROM scratch AS b\nFROM a AS c\nFROM scratch\nCOPY --from=c / /";
    assert.deepEqual(
      plan(text).stages.map(({ index }) => index),
      [0, 2, 3],
    );
  });

  test("planBuild replaces arguments in FROM, given ones first", () => {
    const text = "ARG NAME=one\nARG TAG=$NAME-x\nFROM ${NAME}:${TAG}";
    const base = (args: ReadonlyMap<string, string>): unknown => plan(text, args).stages[0]?.base;
    assert.deepEqual(base(none), { image: "one:one-x" });
    assert.deepEqual(base(new Map([["NAME", "two"]])), { image: "two:two-x" });
  });
});

suite("parseDockerfile", () => {
  test("parseDockerfile joins lines, skips comments and obeys the escape directive", () => {
    const text =
      "# escape=`\r\n\r\nfrom scratch\r\nENV A=1 `\n\n # no\n  B=2\nCOPY --chown=1 --link C:\\x /\n";
    const { escape, instructions } = parseDockerfile(text);
    assert.equal(escape, "`");
    assert.deepEqual(
      instructions.map(({ line, name, flags, rest }) => [line, name, flags, rest]),
      [
        [3, "FROM", {}, "scratch"],
        [4, "ENV", {}, "A=1   B=2"],
        [8, "COPY", { chown: "1", link: "true" }, "C:\\x /"],
      ],
    );
  });
});

suite("expand", () => {
  const variables = new Map([
    ["A", "1"],
    ["EMPTY", ""],
  ]);
  const cases: readonly [text: string, expected: string][] = [
    ["$A ${A} $B.", "1 1 ."],
    ["${B:-x} ${EMPTY:-x} ${EMPTY-x} ${A:-x}", "x x  1"],
    ["${A:+y} ${B:+y} ${B:-${A}}", "y  1"],
    ["\\$A '$A' \"$A\"", "$A '$A' \"1\""],
    ["100$", "100$"],
  ];
  for (const [text, expected] of cases)
    test(`expand of ${text} is ${expected}`, () => assert.equal(expand(text, variables, "\\"), expected));

  test("expand says which substitution it does not know", () => {
    assert.throws(() => expand("${A:?no}", variables, "\\"), /Unsupported substitution \$\{A:\?no\}/);
    assert.throws(() => expand("${A", variables, "\\"), /Missing \}/);
  });

  test("words splits at blanks outside quotes", () => {
    assert.deepEqual(words(`a "b c" d\\ e 'f\\' ""`, "\\"), ["a", "b c", "d e", "f\\", ""]);
    assert.throws(() => words('a "b', "\\"), /Missing closing "/);
  });
});

suite("parseDockerignore", () => {
  const cases: readonly [rules: string, ignored: readonly string[], kept: readonly string[]][] = [
    ["*.log", ["a.log"], ["x/a.log", "a.logs"]],
    ["**/*.log", ["a.log", "x/y/a.log"], ["a.txt"]],
    ["/x/", ["x", "x/y"], ["y/x"]],
    ["*\n!keep", ["a"], ["keep", "keep/a"]],
    ["a?[bc]", ["axb"], ["axd", "ab"]],
    ["a.b", ["a.b"], ["aXb"]],
  ];
  for (const [rules, ignored, kept] of cases)
    test(`parseDockerignore of ${JSON.stringify(rules)} ignores ${ignored.join(", ")} alone`, () => {
      const ignore = parseDockerignore(rules);
      assert.deepEqual(
        [...ignored, ...kept].filter((path) => ignore.isIgnored(path)),
        ignored,
      );
    });
});

suite("buildArguments", () => {
  test("buildArguments hands everything to buildah", () => {
    const args = buildArguments({
      context: "/src",
      dockerfile: "/src/Dockerfile",
      names: ["docker.io/a/b:1"],
      buildArgs: new Map([["V", "2"]]),
      buildContexts: new Map([["busybox", "/bin"]]),
      target: "t",
      architecture: "arm64",
      localArchives: [],
      output: "/out.tar",
    });
    const expected =
      "build --format docker --arch arm64 --file /src/Dockerfile --tag docker.io/a/b:1 " +
      "--build-arg V=2 --build-context busybox=/bin --target t /src";
    assert.equal(args.join(" "), expected);
  });
});
