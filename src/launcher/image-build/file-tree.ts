/** An image's files while it is built: what the layers so far hold, and what the next one adds. @module */
import { posix } from "node:path";

export interface TreeEntry {
  /** Absolute, clean. */
  readonly path: string;
  readonly type: "directory" | "file" | "symlink";
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Target of a symbolic link. */
  readonly linkname?: string;
  /** Where the bytes are; undefined for what a base image brought. */
  readonly source?: { readonly path: string; readonly size: number } | undefined;
}

const FOLDER_MODE = 0o755;

/** Changes one layer at a time; `takeLayer` begins the next. */
export class FileTree {
  readonly #entries = new Map<string, TreeEntry>();
  #layer = new Map<string, TreeEntry>();

  /** What is at `path`, not following links. */
  get(path: string): TreeEntry | undefined {
    return this.#entries.get(path);
  }

  /** Adds with its missing parents; replaces what is there, though a folder in place of a folder keeps its content. */
  add(entry: TreeEntry): void {
    this.addFolder(posix.dirname(entry.path));
    const old = this.#entries.get(entry.path);
    if (old?.type === "directory" && entry.type !== "directory") this.#removeBelow(entry.path);
    this.#entries.set(entry.path, entry);
    this.#layer.set(entry.path, entry);
  }

  addFolder(path: string): void {
    if (path === "/" || this.isFolder(path)) return;
    this.add({ path, type: "directory", mode: FOLDER_MODE, uid: 0, gid: 0 });
  }

  /** The root, a folder, or a link to one. */
  isFolder(path: string): boolean {
    return path === "/" || this.#entries.get(this.resolve(path))?.type === "directory";
  }

  /** Follows links in the last and all other parts of the path, as far as they are known. */
  resolve(path: string): string {
    let at = "/";
    for (const part of path.split("/").filter((one) => one !== "")) {
      const next = posix.join(at, part);
      const entry = this.#entries.get(next);
      at = entry?.type === "symlink" ? posix.resolve(at, entry.linkname ?? "") : next;
    }
    return at;
  }

  /** At and below the path, sorted. */
  below(path: string): readonly TreeEntry[] {
    const prefix = path === "/" ? "/" : `${path}/`;
    const found = [...this.#entries.values()].filter(
      (one) => one.path === path || one.path.startsWith(prefix),
    );
    return found.toSorted(byPath);
  }

  /** What base layers hold. */
  addBase(entry: TreeEntry): void {
    this.#entries.set(entry.path, entry);
  }

  /** A whiteout in a base layer. */
  removeBase(path: string): void {
    this.#removeBelow(path);
    this.#entries.delete(path);
  }

  /** The entries added since the last call, sorted, so that the same files make the same layer. */
  takeLayer(): readonly TreeEntry[] {
    const entries = [...this.#layer.values()].toSorted(byPath);
    this.#layer = new Map();
    return entries;
  }

  #removeBelow(path: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(`${path}/`)) this.#entries.delete(key);
    for (const key of this.#layer.keys()) if (key.startsWith(`${path}/`)) this.#layer.delete(key);
  }
}

function byPath(a: TreeEntry, b: TreeEntry): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
