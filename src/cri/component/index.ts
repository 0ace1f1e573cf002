/** The cluster's own components, shown as pods. @module */
export { withComponents, type Component, type ComponentOptions } from "./component-runtime.ts";
export { COMPONENT_ANNOTATION, COMPONENT_RUNTIME_HANDLER } from "./sandboxes.ts";
