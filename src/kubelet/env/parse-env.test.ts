import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEnv } from "./parse-env.ts";

const parse = (text: string, key = "KEY"): string => parseEnv(Buffer.from(text), key);

const VALUES: readonly (readonly [what: string, text: string, want: string])[] = [
  ["a quoted value", "KEY='value'\n", "value"],
  ["a value without an end of line", "KEY='value'", "value"],
  ["everything between quotes as it is", `KEY='a "b" $C \\n # d = e'\n`, `a "b" $C \\n # d = e`],
  ["a value of several lines", "KEY='one\n  two\n\n# three'\n", "one\n  two\n\n# three"],
  ["lines that end as on Windows", "KEY='one\r\ntwo'\r\n", "one\ntwo"],
  ["a comment after the quote", "KEY='value' # comment\n", "value"],
  ["a comment right after the quote", "KEY='value'#comment\n", "value"],
  ["the first of two", "KEY='one'\nKEY='two'\n", "one"],
  ["what comes after comments and blank lines", "# KEY='no'\n\n \t\n  \t# no\n \tKEY='yes'\n", "yes"],
  ["what comes after a value of several lines", "A='\nKEY='\nKEY='yes'\n", "yes"],
  ["nothing after a blank", "KEY= 'value'\n", ""],
  ["what comes after something after a blank", "A= b\nKEY='value'\n", "value"],
  ["nothing for an empty value", "KEY=''\n", ""],
  ["nothing for a key that is not there", "A='a'\n", ""],
  ["nothing of an empty file", "", ""],
  ["names as they stand", "export KEY='no'\nKEY='yes'\n", "yes"],
  ["a value before what is against the grammar", "KEY='value'\nwrong\n", "value"],
  ["a line of 65,535 bytes", `KEY='${"x".repeat(65_529)}'`, "x".repeat(65_529)],
];

for (const [what, text, want] of VALUES)
  test(`parseEnv() finds ${what}`, () => assert.equal(parse(text), want));

const REFUSED: readonly (readonly [what: string, text: string, problem: string])[] = [
  ["a value without quotes", "# one\nKEY=value\n", "at line 2: value must be enclosed in single quotes"],
  ["a value in double quotes", 'KEY="value"\n', "at line 1: value must be enclosed in single quotes"],
  ["no value", "KEY=\n", "at line 1: value must be enclosed in single quotes"],
  ["no assignment", "KEY\n", "at line 1: missing '='"],
  ["no name", "='value'\n", "at line 1: empty variable name"],
  ["a blank before =", "KEY ='value'\n", "at line 1: whitespace before '=' is not allowed"],
  ["an open quote", "A='a'\nKEY='value\nmore\n", "starting at line 2: unclosed single quote"],
  ["more after the quote", "KEY='one\ntwo'three\n", "at line 2: unexpected content after closing quote"],
  ["a long line", `A='a'\n#${"x".repeat(65_535)}\nKEY='value'\n`, "at line 2: more than 65535 bytes"],
];

for (const [what, text, problem] of REFUSED)
  test(`parseEnv() refuses ${what}`, () =>
    assert.throws(() => parse(text), { message: `invalid environment variable format ${problem}` }));
