/**
 * Turns CRI's published definition (kubernetes/cri-api, pkg/apis/runtime/v1/api.proto) into the table of
 * facts that src/cri/containerd speaks from: names, numbers and types, without the prose.
 *
 *     node hack/update-cri.ts FILE.proto           writes src/cri/containerd/wire/cri.gen.ts
 *     node hack/update-cri.ts FILE.proto --check   exits 1 when that file is not up to date
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";

const OUTPUT = "src/cri/containerd/wire/cri.gen.ts";

interface Facts {
  readonly package: string;
  readonly messages: Map<string, string[]>;
  readonly enums: Map<string, string[]>;
  readonly methods: string[];
}

const [protoFile, flag] = process.argv.slice(2);
if (protoFile === undefined) {
  console.error("Usage: node hack/update-cri.ts FILE.proto [--check]");
  process.exit(2);
}
const text = render(parse(readFileSync(protoFile, "utf8")));
if (flag !== "--check") writeFileSync(OUTPUT, text);
else if (readFileSync(OUTPUT, "utf8") !== text) {
  console.error(`${OUTPUT} is not up to date: run node hack/update-cri.ts`);
  process.exit(1);
}

function parse(proto: string): Facts {
  const source = proto.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, "").replaceAll(/\[[^\]]*\]/g, "");
  const facts = { package: "", messages: new Map(), enums: new Map(), methods: [] as string[] };
  /** Open blocks, innermost last. Enums inside messages share the package's names: CRI has no clash. */
  const open: { kind: string; name: string }[] = [];
  for (const [, statement = "", end] of source.matchAll(/([^{};]*)([{};])/g)) {
    const words = statement.trim();
    if (end === "{") {
      const [kind = "", name = ""] = words.split(/\s+/);
      open.push({ kind, name });
      if (kind === "message") facts.messages.set(name, []);
      if (kind === "enum") facts.enums.set(name, []);
      if (kind === "rpc") facts.methods.push(method(open.at(-2)?.name ?? "", words));
    } else if (end === "}") open.pop();
    else if (words.startsWith("package ")) facts.package = words.slice("package ".length);
    else if (words !== "") declare(facts, open.at(-1), words);
  }
  return facts;
}

function declare(facts: Facts, block: { kind: string; name: string } | undefined, words: string): void {
  if (block?.kind === "message") {
    const [, label = "", type = "", name = "", number] =
      /^(repeated\s+)?(map<[^>]*>|\w+)\s+(\w+)\s*=\s*(\d+)$/.exec(words) ?? [];
    if (number === undefined) throw new Error(`Cannot read the field ${words} of ${block.name}`);
    const kind = type.startsWith("map") ? "map" : type + (label === "" ? "" : "[]");
    facts.messages.get(block.name)?.push(`${camelCase(name)} ${number} ${kind}`);
  } else if (block?.kind === "enum") {
    const [, name = "", number] = /^(\w+)\s*=\s*(\d+)$/.exec(words) ?? [];
    const names = facts.enums.get(block.name) ?? [];
    if (Number(number) !== names.length) throw new Error(`${block.name} has a gap before ${name}`);
    names.push(name);
  }
}

function method(service: string, words: string): string {
  const parts = /^rpc\s+(\w+)\((\w+)\)\s+returns\s+\((stream\s+)?(\w+)\)$/.exec(words);
  if (parts === null) throw new Error(`Cannot read the method ${words}`);
  const [, name, request, stream, response] = parts;
  return `${service} ${name} ${request} ${response}${stream === undefined ? "" : " stream"}`;
}

/** `pod_sandbox_id` → `podSandboxId`, `CDI_devices` → `cdiDevices`, `Avg10` → `avg10`. */
function camelCase(name: string): string {
  const lowered = name.replace(/^[A-Z]+/, (letters) => letters.toLowerCase());
  return lowered.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function render(facts: Facts): string {
  return `/** CRI v1's names, numbers and types; written by hack/update-cri.ts. @module */
import type { Tables } from "./schema.ts";

export const cri: Tables = {
  package: ${JSON.stringify(facts.package)},
  messages: {
${quoted(facts.messages, "; ")}
  },
  enums: {
${quoted(facts.enums, " ")}
  },
  methods: [
${facts.methods.map((line) => `    ${JSON.stringify(line)},`).join("\n")}
  ],
};
`;
}

function quoted(entries: Map<string, string[]>, separator: string): string {
  return [...entries]
    .map(([name, parts]) => `    ${name}: ${JSON.stringify(parts.join(separator))},`)
    .join("\n");
}
