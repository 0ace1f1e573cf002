import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { after, beforeEach, test } from "node:test";
import { extract } from "tar-stream";
import { digestOf, readArchive, type ImageConfig } from "#cri";
import { buildImage, type BuildImageOptions, type BuildResult } from "./build-image.ts";
import { ImageBuildError } from "./errors.ts";

const signal = new AbortController().signal;

let root: string;
let folder: string;
after(() => rm(root, { recursive: true }));
beforeEach(async () => {
  root ??= await mkdtemp(join(tmpdir(), "k8ts-build-"));
  folder = await mkdtemp(join(root, "context-"));
});
const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o644);
  }
};
const build = (options: Partial<BuildImageOptions> = {}): Promise<BuildResult> =>
  buildImage(
    { context: folder, tags: ["demo/web:1"], output: `${folder}.tar`, nodeArch: "x64", ...options },
    signal,
  );
const built = async (options?: Partial<BuildImageOptions>): Promise<Built> =>
  read((await build(options)).output);

test("buildImage copies files and folders as Docker does", async () => {
  await write({
    Dockerfile: `FROM scratch
      COPY a.txt /one
      COPY a.txt b/ /two/
      WORKDIR /work
      COPY b/* ./
      COPY --chown=1:2 --chmod=0600 a.txt one/`,
    "a.txt": "A",
    "b/c.txt": "C",
    "b/d/e.txt": "E",
  });
  await symlink("c.txt", join(folder, "b/link"));
  const { files, names } = await built();
  assert.deepEqual(names, ["docker.io/demo/web:1"]);
  assert.deepEqual(files, {
    one: "644 0:0 A",
    "two/": "755 0:0",
    "two/a.txt": "644 0:0 A",
    "two/c.txt": "644 0:0 C",
    "two/d/": "755 0:0",
    "two/d/e.txt": "644 0:0 E",
    "two/link": "777 0:0 → c.txt",
    "work/": "755 0:0",
    "work/c.txt": "644 0:0 C",
    "work/e.txt": "644 0:0 E",
    "work/link": "644 0:0 C",
    "work/one/": "755 0:0",
    "work/one/a.txt": "600 1:2 A",
  });
});

test("buildImage writes the configuration that the instructions say", async () => {
  await write({
    Dockerfile: `ARG BASE=scratch
      FROM \${BASE} AS main
      ARG VERSION=1
      ARG EMPTY
      ENV A=1 B="two words" PATH=/bin:$PATH VERSION=\${VERSION}\${EMPTY:-!}
      ENV OLD form here
      LABEL org.example.name="x y" v=$VERSION
      USER 65534:65534
      EXPOSE 80 53/udp 8000-8001
      VOLUME /data
      STOPSIGNAL SIGQUIT
      ENTRYPOINT ["/bin/serve", "--port"]
      CMD 80 \\
        # a comment inside
        81`,
  });
  const { config } = await built({ buildArgs: { VERSION: "2" } });
  assert.equal(config.architecture, "amd64");
  assert.deepEqual(config.config, {
    Env: ["A=1", "B=two words", "PATH=/bin:", "VERSION=2!", "OLD=form here"],
    Labels: { "org.example.name": "x y", v: "2!" },
    User: "65534:65534",
    ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {} },
    Volumes: { "/data": {} },
    StopSignal: "SIGQUIT",
    Entrypoint: ["/bin/serve", "--port"],
    Cmd: ["/bin/sh", "-c", "80         81"],
  });
});

test("buildImage makes the same bytes of the same files", async () => {
  await write({ Dockerfile: "FROM scratch\nCOPY . /", b: "2", a: "1" });
  const first = await build({ output: `${folder}-1.tar` });
  const second = await build({ output: `${folder}-2.tar` });
  assert.equal(first.id, second.id);
  assert.equal(digestOf(await readFile(first.output)), digestOf(await readFile(second.output)));
});

test("buildImage leaves out what .dockerignore names", async () => {
  await write({
    Dockerfile: "FROM scratch\nCOPY . /app",
    ".dockerignore": "# comment\n*.log\nnode_modules\n!keep.log\nDockerfile\n**/tmp\n.dockerignore",
    "a.log": "",
    "keep.log": "",
    "node_modules/x/y": "",
    "src/tmp/z": "",
    "src/a.log": "",
  });
  assert.deepEqual(Object.keys((await built()).files), ["app/", "app/keep.log", "app/src/", "app/src/a.log"]);
});

test("buildImage starts from a local image and keeps what it says", async () => {
  await write({
    Dockerfile: `FROM demo/base
      COPY b /dir
      ENTRYPOINT ["/new"]`,
    "Dockerfile.base": `FROM scratch
      COPY a /dir/a
      ENV BASE=1
      ENTRYPOINT ["/old"]
      CMD ["arg"]`,
    a: "A",
    b: "B",
  });
  const base = await build({
    dockerfile: join(folder, "Dockerfile.base"),
    tags: ["demo/base"],
    output: `${folder}-base.tar`,
  });
  const asked: string[] = [];
  const { files, config } = await built({
    localImage: async (reference) => {
      asked.push(reference);
      return base.output;
    },
  });
  assert.deepEqual(asked, ["docker.io/demo/base:latest"]);
  assert.deepEqual(files, { "dir/": "755 0:0", "dir/a": "644 0:0 A", "dir/b": "644 0:0 B" });
  assert.deepEqual(config.config, { Env: ["BASE=1"], Entrypoint: ["/new"] });
});

test("buildImage copies from earlier stages and builds only what it needs", async () => {
  await write({
    Dockerfile: `FROM scratch AS unused
      RUN never
      FROM scratch AS one
      COPY a /x/a
      FROM scratch
      COPY --from=one /x /y
      COPY --from=1 /x/a /z`,
    a: "A",
  });
  assert.deepEqual((await built()).files, { "y/": "755 0:0", "y/a": "644 0:0 A", z: "644 0:0 A" });
});

test("buildImage takes named contexts from k8ts-build.yaml and installs what they lack", async () => {
  const host = join(folder, "host");
  await write({
    Dockerfile: "FROM scratch\nCOPY --from=tools tool /bin/",
    "k8ts-build.yaml": `buildContexts: {tools: {hostPath: ${host}, files: [tool], packages: [the-package]}}`,
  });
  await assert.rejects(build({ installPackages: async () => {} }), /build context tools lacks .*host\/tool/);
  const installed: string[] = [];
  const installPackages = async (packages: readonly string[]): Promise<void> => {
    installed.push(...packages);
    await write({ "host/tool": "T" });
  };
  assert.deepEqual((await built({ installPackages })).files, {
    "bin/": "755 0:0",
    "bin/tool": "644 0:0 T",
  });
  assert.deepEqual(installed, ["the-package"]);
});

const failures: readonly [what: string, dockerfile: string, message: RegExp][] = [
  ["an unknown instruction", "FROM scratch\nCOPPY a b", /^Dockerfile line 2: Unknown instruction COPPY$/],
  [
    "a missing file",
    "FROM scratch\n\nCOPY nothing /",
    /^Dockerfile line 3: nothing is not in the build context$/,
  ],
  ["several files into a file", "FROM scratch\nCOPY a Dockerfile /x", /line 2: \/x must end with \//],
  ["no FROM", "# nothing\nARG A=1", /The Dockerfile has no FROM/],
  ["an instruction before FROM", "ENV A=1\nFROM scratch", /line 1: ENV before the first FROM/],
  ["a bad port", "FROM scratch\nEXPOSE http", /line 2: EXPOSE takes ports, not http/],
  ["a missing stage", "FROM scratch AS a", /no stage b/],
];
for (const [what, dockerfile, message] of failures)
  test(`buildImage says where ${what} is`, async () => {
    await write({ Dockerfile: dockerfile, a: "A" });
    const target = what === "a missing stage" ? "b" : undefined;
    await assert.rejects(
      build({ target }),
      (err) => err instanceof ImageBuildError && message.test(err.message),
    );
    assert.deepEqual(
      (await readdir(root)).filter((name) => name.includes(".building-")),
      [],
    );
  });

test("buildImage does not follow links out of its context", async () => {
  await write({ Dockerfile: "FROM scratch\nCOPY link /" });
  await symlink("/etc/passwd", join(folder, "link"));
  await assert.rejects(build(), /link is a link out of the build context/);
  await write({ Dockerfile: "FROM scratch\nCOPY ../../../etc/passwd /" });
  await assert.rejects(build(), /not in the build context/);
});

interface Built {
  readonly names: readonly string[];
  readonly config: ImageConfig;
  /** Name → `mode uid:gid content`. */
  readonly files: Readonly<Record<string, string>>;
}

async function read(archive: string): Promise<Built> {
  const blobs = new Map<string, Buffer>();
  const sink = {
    write: async (content: AsyncIterable<Uint8Array>, _size: number, digest: string | undefined) => {
      const bytes = await buffer(content);
      blobs.set(digest ?? digestOf(bytes), bytes);
      return digestOf(bytes);
    },
    link: async () => {},
  };
  const [image] = await readArchive(createReadStream(archive), sink, "amd64", signal);
  const config = JSON.parse(blobs.get(image!.id!)!.toString()) as ImageConfig;
  const { layers } = JSON.parse(blobs.get(image!.target.digest)!.toString()) as {
    layers: { digest: string }[];
  };
  const files: Record<string, string> = {};
  for (const [i, { digest }] of layers.entries()) {
    const bytes = gunzipSync(blobs.get(digest)!);
    assert.equal(digestOf(bytes), config.rootfs.diff_ids[i]);
    const tar = extract();
    tar.end(bytes);
    for await (const entry of tar) {
      const { name, mode, uid, gid, type, linkname } = entry.header;
      const content = (await buffer(entry)).toString();
      const what = type === "symlink" ? ` → ${linkname}` : type === "directory" ? "" : ` ${content}`;
      files[type === "directory" && !name.endsWith("/") ? `${name}/` : name] =
        `${mode.toString(8)} ${uid}:${gid}${what}`;
    }
  }
  return { names: image!.names, config, files };
}
