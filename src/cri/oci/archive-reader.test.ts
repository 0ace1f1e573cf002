import assert from "node:assert/strict";
import { test } from "node:test";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { readArchive, type ArchivedImage, type BlobSink } from "./archive-reader.ts";
import { writeArchive } from "./archive-writer.ts";
import { MEDIA_TYPES, digestOf, type BuiltImage } from "./image.ts";

const signal = new AbortController().signal;

test("readArchive reads what writeArchive wrote, plain or gzipped", async () => {
  const image = builtImage("a layer");
  const names = ["docker.io/demo/web:1", "docker.io/demo/web:2"];
  const plain = await buffer(writeArchive(image, names));
  for (const bytes of [plain, gzipSync(plain)]) {
    const { images, blobs } = await read(bytes);
    const id = digestOf(JSON.stringify(image.config));
    assert.deepEqual([images[0]?.names, images[0]?.id, images.length], [names, id, 1]);
    assert.ok(blobs.has(image.layers[0]!.descriptor.digest));
  }
});

test("readArchive writes a manifest for Docker's own layout, whose layers may be links", async () => {
  const layer = Buffer.alloc(2 * 1024 * 1024, "x");
  const config = JSON.stringify({
    ...builtImage("").config,
    rootfs: { type: "layers", diff_ids: [digestOf(layer), digestOf(layer)] },
  });
  const { images, blobs, links } = await read(
    await tar({
      "abc/layer.tar": layer,
      "def/layer.tar": { link: "../abc/layer.tar" },
      "config.json": config,
      "manifest.json": JSON.stringify([
        {
          Config: "config.json",
          RepoTags: ["demo/web:1", "<none>:<none>"],
          Layers: ["abc/layer.tar", "def/layer.tar"],
        },
      ]),
    }),
  );
  assert.deepEqual([images[0]?.names, images[0]?.id], [["docker.io/demo/web:1"], digestOf(config)]);
  const manifest = JSON.parse(blobs.get(images[0]!.target.digest)!.toString()) as { layers: unknown[] };
  const descriptor = { mediaType: MEDIA_TYPES.layer, digest: digestOf(layer), size: layer.length };
  assert.deepEqual(manifest.layers, [descriptor, descriptor]);
  assert.deepEqual(links.get(images[0]!.target.digest), [digestOf(config), digestOf(layer), digestOf(layer)]);
});

test("readArchive takes this machine's image from a list of several", async () => {
  const [arm, amd] = [builtImage("arm"), builtImage("amd")];
  const entries: Record<string, string> = {};
  const add = (content: string): { digest: string; size: number } => {
    entries[`blobs/sha256/${digestOf(content).slice("sha256:".length)}`] = content;
    return { digest: digestOf(content), size: content.length };
  };
  const manifests = [arm, amd].map((image, i) => {
    const layers = [{ mediaType: MEDIA_TYPES.layer, ...add(i === 0 ? "arm" : "amd") }];
    const config = { mediaType: MEDIA_TYPES.config, ...add(JSON.stringify(image.config)) };
    const manifest = add(JSON.stringify({ schemaVersion: 2, config, layers }));
    return {
      ...manifest,
      mediaType: MEDIA_TYPES.manifest,
      platform: { os: "linux", architecture: i === 0 ? "arm64" : "amd64" },
    };
  });
  const list = add(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests }));
  const annotations = { "org.opencontainers.image.ref.name": "demo/web:3" };
  entries["index.json"] = JSON.stringify({
    manifests: [{ ...list, mediaType: MEDIA_TYPES.index, annotations }],
  });
  const { images, links } = await read(await tar(entries));
  assert.deepEqual(
    [images[0]?.names, images[0]?.id],
    [["docker.io/demo/web:3"], digestOf(JSON.stringify(amd.config))],
  );
  assert.deepEqual(
    links.get(list.digest),
    manifests.map(({ digest }) => digest),
  );
});

const broken: readonly [what: string, entries: Readonly<Record<string, string>>, message: RegExp][] = [
  ["no image", { "hello.txt": "hi" }, /holds no image/],
  ["a broken index", { "index.json": "{" }, /Cannot read index.json/],
  [
    "a missing layer",
    { "c.json": '{"rootfs":{"diff_ids":[]}}', "manifest.json": '[{"Config":"c.json","Layers":["l"]}]' },
    /lacks the layer l/,
  ],
  [
    "a missing configuration",
    { "manifest.json": '[{"Config":"c.json","Layers":[]}]' },
    /lacks the configuration c.json/,
  ],
];
for (const [what, entries, message] of broken)
  test(`readArchive refuses an archive with ${what}`, async () => {
    await assert.rejects(read(await tar(entries)), message);
  });

test("readArchive refuses what is no tar", async () => {
  await assert.rejects(read(Buffer.from("not a tar at all".repeat(100))));
  await assert.rejects(read(Buffer.alloc(0)), /empty/);
  await assert.rejects(read(gzipSync(Buffer.alloc(5000)).subarray(0, 20)));
});

function builtImage(content: string): BuiltImage {
  const bytes = Buffer.from(content);
  const digest = digestOf(bytes);
  const config = {
    architecture: "amd64",
    os: "linux",
    config: { Cmd: [content] },
    rootfs: { type: "layers" as const, diff_ids: [digest] },
  };
  const descriptor = { mediaType: MEDIA_TYPES.layer, digest, size: bytes.length };
  return { config, layers: [{ descriptor, diffId: digest, content: bytes }] };
}

async function tar(entries: Readonly<Record<string, string | Buffer | { link: string }>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(entries))
    if (typeof content === "string" || Buffer.isBuffer(content)) archive.entry({ name }, content);
    else archive.entry({ name, type: "symlink", linkname: content.link });
  archive.finalize();
  return buffer(archive);
}

interface Read {
  readonly images: readonly ArchivedImage[];
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly links: ReadonlyMap<string, readonly string[]>;
}

async function read(bytes: Buffer): Promise<Read> {
  const blobs = new Map<string, Buffer>();
  const links = new Map<string, readonly string[]>();
  const sink: BlobSink = {
    write: async (content, _size, expected) => {
      const blob = await buffer(content);
      const digest = digestOf(blob);
      assert.equal(expected ?? digest, digest);
      blobs.set(digest, blob);
      return digest;
    },
    link: async ({ digest }, parts) =>
      void links.set(
        digest,
        parts.map((part) => part.digest),
      ),
  };
  const images = await readArchive(chunks(bytes), sink, "amd64", signal);
  return { images, blobs, links };
}

async function* chunks(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

test("readArchive refuses digests that lead out of the archive", async () => {
  const layer = { mediaType: MEDIA_TYPES.layer, digest: "sha256:../../../etc/shadow", size: 1 };
  const config = JSON.stringify(builtImage("").config);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    config: { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length },
    layers: [layer],
  });
  const blobs = [config, manifest].map((text) => [
    `blobs/sha256/${digestOf(text).slice("sha256:".length)}`,
    text,
  ]);
  const archive = await tar({
    ...(Object.fromEntries(blobs) as Record<string, string>),
    "blobs/sha256/../../../etc/shadow": "x",
    "index.json": JSON.stringify({
      manifests: [{ mediaType: MEDIA_TYPES.manifest, digest: digestOf(manifest), size: manifest.length }],
    }),
  });
  await assert.rejects(read(archive), /names a blob "sha256:..\/..\/..\/etc\/shadow", which is no digest/);
});
