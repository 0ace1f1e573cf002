/** Functions with a dot in their name (`sets.contains`): methods of a constant. @module */
import type { Environment } from "@marcbachmann/cel-js";

/** After it, `<name>Functions.x(…)` declares what is called as `name.x(…)`. Handlers get the constant first. */
export function registerNamespace(env: Environment, name: string): string {
  const type = `${name}Functions`;
  const made = { [type]: class {} }[type]!;
  env.registerType(type, { ctor: made, fields: {} }).registerConstant(name, type, new made());
  return type;
}
