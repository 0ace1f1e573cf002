/**
 * Descriptions from the type declarations of `@kubernetes/client-node`, read when somebody asks and the package is there.
 * The declarations are generated from the API definitions: one file per definition, one comment per field.
 * @module
 */
import { title } from "./names.ts";
import type { Prose, ProseSource } from "./prose.ts";

export interface ClientNodeOptions {
  /** Folder of the declarations, ending with a slash (`…/dist/gen/models/`). */
  readonly folder: string;
  /** Version of the package. */
  readonly version: string;
  /** Resolves with the text of a file, with undefined when there is none. */
  readonly readText: (path: string) => Promise<string | undefined>;
}

const DEFINITION = /\.([a-z0-9-]+)\.(v\d+(?:(?:alpha|beta)\d+)?)\.(\w+)$/;
const CLASS = /\/\*\*\s*\n\*\s(.*?)\n\*\/\nexport declare class/s;
const FIELD = /^ {4}(?:\/\*\*\n([^]*?)\n {4}\*\/\n {4})?'([^']+)'\??:/gm;

export function clientNodeProse({ folder, version, readText }: ClientNodeOptions): ProseSource {
  const read = async (name: string): Promise<Prose | undefined> => {
    const text = await readText(`${folder}${name}.d.ts`);
    return text === undefined ? undefined : proseOf(text);
  };
  return {
    id: `client-node ${version}`,
    async of(definition) {
      for (const name of fileNames(definition)) {
        const prose = await read(name);
        if (prose !== undefined) return prose;
      }
      return undefined;
    },
  };
}

/** Names two groups have are prefixed with the group there: `CoreV1Event`, otherwise `V1Pod`. */
export function fileNames(definition: string): readonly string[] {
  const match = DEFINITION.exec(definition);
  if (match === null) return [];
  const [, group = "", version = "", kind = ""] = match;
  const word = title(version) + kind;
  return [word, title(group.replaceAll("-", "")) + word];
}

/** What the comments of a declaration say. */
export function proseOf(declaration: string): Prose {
  const fields = new Map<string, string>();
  for (const [, comment, name = ""] of declaration.matchAll(FIELD)) {
    if (comment !== undefined) fields.set(fieldName(name), plain(comment.replaceAll(/^ {4}\* ?/gm, "")));
  }
  return { text: plain(CLASS.exec(declaration)?.[1] ?? ""), fields };
}

/** TypeScript's names for what may not be one: `_default`, `x_kubernetes_map_type`, `schema` for `$schema`. */
function fieldName(name: string): string {
  if (name.startsWith("x_kubernetes_")) return name.replaceAll("_", "-");
  return name.replace(/^_/, "");
}

function plain(text: string): string {
  return text.replaceAll(/\\(['"\\])/g, "$1").trim();
}
