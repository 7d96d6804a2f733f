// Which versions of the plugin API this release runs: its own and the one before, so that plugins and cluster need not be
// updated in the same hour. Everything that asks (when a plugin is added, when it is loaded, when its process has said what it
// is) asks with this table, so a new version is a new row, and the oldest row goes.

import { API_VERSION } from "../../../../sdk/mod.ts";
import { oneLine } from "../plugin-error.ts";

/** Versions of the plugin API that this release runs, newest first. */
export const API_VERSIONS: readonly number[] = [API_VERSION];

/** Whether a plugin of this API version runs on a host with these. */
export function isRunnableApi(api: unknown, apis: readonly number[] = API_VERSIONS): api is number {
  return typeof api === "number" && apis.includes(api);
}

/** Why a plugin of this API version does not run here, and what would help, as sentences. `shown` begins them. */
export function apiProblem(shown: string, api: unknown, apis: readonly number[] = API_VERSIONS): string {
  const here = `this Systole speaks ${apis.join(" and ")}`;
  if (typeof api !== "number" || !Number.isInteger(api) || api < 0) {
    return `${shown} says ${oneLine(JSON.stringify(api) ?? "nothing", 80)} for its plugin API, which is no version; ${here}.`;
  }
  const age = api < Math.max(...apis) ? "too old" : "newer than this release";
  return `${shown} speaks plugin API ${api}, which is ${age}; ${here}.`;
}
