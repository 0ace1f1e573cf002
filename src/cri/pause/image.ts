/** The sandbox image: one layer with the pause program, built here, the same digest everywhere. @module */
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { buffer } from "node:stream/consumers";
import { MEDIA_TYPES, digestOf, type BuiltImage } from "../oci/image.ts";
import { pauseElf, type PauseArchitecture } from "./elf.ts";

/** What containerd is told to start sandboxes from. */
export const PAUSE_IMAGE = "k8ts.io/pause:1";

export async function pauseImage(architecture: PauseArchitecture): Promise<BuiltImage> {
  const archive = pack();
  const entry = { name: "pause", mode: 0o755, mtime: new Date(0), uid: 0, gid: 0 };
  archive.entry(entry, Buffer.from(pauseElf(architecture)));
  archive.finalize();
  const tar = await buffer(archive);
  const content = gzipSync(tar, { level: 9 });
  const diffId = digestOf(tar);
  const descriptor = { mediaType: MEDIA_TYPES.layerGzip, digest: digestOf(content), size: content.length };
  return {
    config: {
      architecture,
      os: "linux",
      config: { User: "65535:65535", Entrypoint: ["/pause"], WorkingDir: "/" },
      rootfs: { type: "layers", diff_ids: [diffId] },
    },
    layers: [{ descriptor, diffId, content }],
  };
}

/** Undefined for processors that we have no machine code for. */
export function pauseArchitecture(nodeArch: string): PauseArchitecture | undefined {
  if (nodeArch === "x64") return "amd64";
  return nodeArch === "arm64" ? "arm64" : undefined;
}
