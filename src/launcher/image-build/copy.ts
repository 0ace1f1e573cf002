/** COPY and ADD of local files: where each file goes, by Docker's rules. @module */
import { readFile } from "node:fs/promises";
import { posix } from "node:path";
import type { BuildContext, ContextFile, ContextSource } from "./context.ts";
import { ImageBuildError } from "./errors.ts";
import type { FileTree } from "./file-tree.ts";

export interface CopySettings {
  /** The last argument, as written, with variables replaced. */
  readonly destination: string;
  readonly workingDir: string;
  /** `--chown`. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** `--chmod`; undefined keeps each file's own. */
  readonly mode: number | undefined;
}

/** What COPY reads from: a folder on this machine, or an earlier stage. */
export type CopySource = Pick<BuildContext, "find">;

export async function copyInto(
  tree: FileTree,
  source: CopySource,
  patterns: readonly string[],
  settings: CopySettings,
): Promise<void> {
  const found: ContextSource[] = [];
  for (const pattern of patterns) {
    const matches = await source.find(pattern);
    if (matches.length === 0) throw new ImageBuildError(`${pattern} is not in the build context`);
    found.push(...matches);
  }
  const destination = posix.resolve(settings.workingDir, settings.destination);
  const isFolder = /(^|\/)\.?$/.test(settings.destination) || tree.isFolder(destination);
  if (found.length > 1 && !isFolder)
    throw new ImageBuildError(`${settings.destination} must end with / to take several sources`);
  for (const one of found) {
    // The content of a folder is copied, not the folder; a file keeps its name in a folder.
    const to = one.isFolder || !isFolder ? destination : posix.join(destination, one.name);
    for (const file of one.files) addFile(tree, tree.resolve(to), file, settings);
  }
}

function addFile(tree: FileTree, to: string, file: ContextFile, settings: CopySettings): void {
  const path = posix.join(to, file.relative);
  const { uid, gid } = settings.owner;
  const mode = settings.mode ?? file.mode;
  if (file.type === "directory") {
    // What is there stays as it is: copying into /tmp must not change /tmp.
    if (!tree.isFolder(path)) tree.add({ path, type: "directory", mode, uid, gid });
  } else if (file.type === "symlink")
    tree.add({ path, type: "symlink", mode: 0o777, uid, gid, linkname: file.linkname ?? "" });
  else tree.add({ path, type: "file", mode, uid, gid, source: { path: file.path, size: file.size } });
}

/** An earlier stage's files. Those that its base image brought are not unpacked anywhere: they cannot be copied. */
export function stageSource(tree: FileTree): CopySource {
  return {
    find: async (source) => {
      const root = tree.resolve(posix.resolve("/", source));
      const entries = tree.below(root);
      const [first] = entries;
      if (first === undefined) return [];
      const files = entries.map((entry): ContextFile => {
        if (entry.type === "file" && entry.source === undefined)
          throw new ImageBuildError(
            `Cannot copy ${entry.path}, which comes from a base image, without buildah`,
          );
        return {
          relative: posix.relative(root, entry.path),
          type: entry.type,
          mode: entry.mode,
          size: entry.source?.size ?? 0,
          path: entry.source?.path ?? "",
          ...(entry.linkname !== undefined && { linkname: entry.linkname }),
        };
      });
      return [
        { name: posix.basename(root), isFolder: first.path !== root || first.type === "directory", files },
      ];
    },
  };
}

/** `--chown=USER[:GROUP]`, numbers or names from the image's own /etc/passwd and /etc/group. */
export async function parseOwner(tree: FileTree, text: string | undefined): Promise<CopySettings["owner"]> {
  if (text === undefined) return { uid: 0, gid: 0 };
  const [user = "", group] = text.split(":");
  const uid = await lookUp(tree, "/etc/passwd", user);
  // Without a group, it has the user's number.
  return { uid, gid: group === undefined ? uid : await lookUp(tree, "/etc/group", group) };
}

async function lookUp(tree: FileTree, file: string, name: string): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name);
  if (name === "root") return 0;
  const path = tree.get(file)?.source?.path;
  const text = path === undefined ? "" : await readFile(path, "utf8");
  const line = text.split("\n").find((one) => one.startsWith(`${name}:`));
  if (line === undefined)
    throw new ImageBuildError(`Cannot find the owner ${name}: give a number, or copy ${file} first`);
  return Number(line.split(":")[2]);
}

/** Octal, as in `--chmod=0755`. */
export function parseMode(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^0?[0-7]{3,4}$/.test(text)) throw new ImageBuildError(`--chmod takes an octal number, not ${text}`);
  return Number.parseInt(text, 8);
}
