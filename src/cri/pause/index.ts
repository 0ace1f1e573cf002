/** The image that sandboxes are started from. @module */
export { PAUSE_IMAGE, pauseArchitecture, pauseImage } from "./image.ts";
