/** StorageVersionMigration has every object of a resource written again, in the version of today. @module */
import type { Kind } from "#apimachinery";
import { stableVersionOf } from "../../graduated.ts";
import { StorageVersionMigrations as Stored } from "../v1beta1/storageversionmigration.ts";
import type { StorageVersionMigration } from "./types.gen.ts";

export const StorageVersionMigrations: Kind<StorageVersionMigration> = stableVersionOf(Stored);
