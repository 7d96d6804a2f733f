// Which versions of the plugin API this release runs: its own and the one before, so that plugins and cluster need not be
// updated in the same hour.

import { API_VERSION } from "../../../../sdk/mod.ts";
import { oneLine } from "../plugin-error.ts";

/** Versions of the plugin API that a release of version `current` runs, newest first. */
export function runnableApis(current: number = API_VERSION): readonly number[] {
  return [current, current - 1].filter((version) => version >= 1);
}

/** Whether a plugin of this API version runs here. */
export function isRunnableApi(api: unknown, current: number = API_VERSION): api is number {
  return typeof api === "number" && runnableApis(current).includes(api);
}

/** Why a plugin of this API version does not run here, and what would help, as sentences. `shown` begins them. */
export function apiProblem(shown: string, api: unknown, current: number = API_VERSION): string {
  const here = `this Systole speaks ${runnableApis(current).join(" and ")}`;
  if (typeof api !== "number" || !Number.isInteger(api) || api < 1) {
    return `${shown} says ${oneLine(JSON.stringify(api) ?? "nothing", 80)} for its plugin API, which is no version; ${here}.`;
  }
  return `${shown} speaks plugin API ${api}, which is ${api < current ? "too old" : "newer than this release"}; ${here}.`;
}
