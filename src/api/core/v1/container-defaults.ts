/** Defaults of containers and volumes that depend on other fields. @module */

type Fields = Readonly<Record<string, unknown>>;

/** Pulls again only what has no fixed tag. */
export function ephemeralOrContainerDefaults(container: Fields): Fields {
  if (container["imagePullPolicy"]) return container;
  return { ...container, imagePullPolicy: pullPolicy((container["image"] as string | undefined) ?? "") };
}

/** A volume without a source is an empty directory. */
export function volumeDefaults(volume: Fields): Fields {
  const image = volume["image"] as Fields | undefined;
  if (image !== undefined && !image["pullPolicy"]) {
    const policy = pullPolicy((image["reference"] as string | undefined) ?? "");
    return { ...volume, image: { ...image, pullPolicy: policy } };
  }
  const hasSource = Object.keys(volume).some((key) => key !== "name");
  return hasSource ? volume : { ...volume, emptyDir: {} };
}

function pullPolicy(image: string): "Always" | "IfNotPresent" {
  return imageTag(image) === "latest" ? "Always" : "IfNotPresent";
}

/** The tag of an image; `latest` when it has neither tag nor digest, "" with a digest alone. */
export function imageTag(image: string): string {
  const [reference = "", digest] = image.split("@", 2);
  if (reference === "") return "";
  const colon = reference.lastIndexOf(":");
  // A colon before a slash belongs to the port of the registry.
  if (colon > reference.lastIndexOf("/")) return reference.slice(colon + 1);
  return digest === undefined ? "latest" : "";
}
