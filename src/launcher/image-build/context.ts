/** Files that COPY and ADD can see: the build's folder, or a named one. @module */
import { lstat, readFile, readdir, readlink, realpath } from "node:fs/promises";
import { join, posix, sep } from "node:path";
import { globPattern, isGlob, parseDockerignore, type Ignore } from "./dockerignore.ts";
import { ImageBuildError } from "./errors.ts";

export interface ContextFile {
  /** Relative to the source that found it; empty for the source itself. */
  readonly relative: string;
  readonly type: "directory" | "file" | "symlink";
  readonly mode: number;
  readonly size: number;
  readonly linkname?: string;
  /** On this machine. */
  readonly path: string;
}

/** One argument of COPY, found. */
export interface ContextSource {
  /** Last part of its name. */
  readonly name: string;
  readonly isFolder: boolean;
  /** Folders before what is in them, sorted. */
  readonly files: readonly ContextFile[];
}

/** More than this is a mistake (a home folder, a disk), and would fill the machine. */
const FILES_MAX = 200_000;

export class BuildContext {
  readonly #root: string;
  readonly #ignore: Ignore;

  constructor(root: string, ignore: Ignore) {
    this.#root = root;
    this.#ignore = ignore;
  }

  static async open(root: string): Promise<BuildContext> {
    const text = await readFile(join(root, ".dockerignore"), "utf8").catch(() => "");
    return new BuildContext(await realpath(root), parseDockerignore(text));
  }

  /** Every match of `source`, a path or a glob; paths cannot leave the context. Empty when there is none. */
  async find(source: string): Promise<readonly ContextSource[]> {
    const path = posix.join("/", source).slice(1);
    const paths = isGlob(path) ? await this.#glob(path) : [path];
    const found: ContextSource[] = [];
    for (const one of paths) {
      const match = await this.#read(one);
      if (match !== undefined) found.push(match);
    }
    return found;
  }

  async #glob(glob: string): Promise<readonly string[]> {
    const depth = glob.split("/").length;
    const pattern = globPattern(glob);
    const matches: string[] = [];
    const visit = async (folder: string, level: number): Promise<void> => {
      for (const name of await names(join(this.#root, folder))) {
        const path = posix.join(folder, name);
        if (pattern.test(path)) matches.push(path);
        if (level < depth || glob.includes("**")) await visit(path, level + 1);
      }
    };
    await visit("", 1);
    return matches;
  }

  async #read(path: string): Promise<ContextSource | undefined> {
    if (path !== "" && this.#ignore.isIgnored(path) && !this.#ignore.hasExceptions) return undefined;
    // The source itself is followed when it is a link; links inside folders are copied as links.
    const real = await realpath(join(this.#root, path)).catch(() => undefined);
    if (real === undefined) return undefined;
    if (real !== this.#root && !real.startsWith(this.#root + sep))
      throw new ImageBuildError(`${path} is a link out of the build context`);
    const files: ContextFile[] = [];
    await this.#walk(real, path, "", files);
    const [first] = files;
    if (first === undefined) return undefined;
    return { name: posix.basename(path), isFolder: first.type === "directory", files };
  }

  async #walk(path: string, inContext: string, relative: string, into: ContextFile[]): Promise<void> {
    if (into.length >= FILES_MAX) throw new ImageBuildError(`The build context has over ${FILES_MAX} files`);
    const isIgnored = inContext !== "" && this.#ignore.isIgnored(inContext);
    const stats = await lstat(path);
    const base = { relative, mode: stats.mode & 0o7777, size: stats.size, path };
    if (stats.isDirectory()) {
      if (isIgnored && !this.#ignore.hasExceptions) return;
      if (!isIgnored) into.push({ ...base, type: "directory" });
      for (const name of await names(path))
        await this.#walk(join(path, name), posix.join(inContext, name), posix.join(relative, name), into);
    } else if (isIgnored) return;
    else if (stats.isSymbolicLink()) into.push({ ...base, type: "symlink", linkname: await readlink(path) });
    else if (stats.isFile()) into.push({ ...base, type: "file" });
    // Sockets, pipes and devices have no content to copy.
  }
}

/** In byte order, wherever the build runs; none for what is no folder. */
async function names(folder: string): Promise<readonly string[]> {
  const found: readonly string[] = await readdir(folder).catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOTDIR" || err.code === "ENOENT") return [];
    throw err;
  });
  return found.toSorted((a, b) => (a < b ? -1 : 1));
}
