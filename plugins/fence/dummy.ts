// A fence device that switches nothing but a file, and misbehaves as told: for trials and tests of fencing. Never for a
// cluster with data to lose.

import { AgentError, defineFenceDevice, type ReadFiles, Type, type WriteFiles } from "systole/sdk";

const modes = ["ok", "fail", "lie", "hang", "unknown"] as const;

/** What the file of a victim holds; no file means that it has never been switched, so it is on. */
async function readPower(files: ReadFiles, path: string): Promise<"on" | "off" | "unknown"> {
  const text = (await files.readText(path))?.trim();
  if (text === undefined) return "on";
  return text === "on" || text === "off" ? text : "unknown";
}

async function writePower(files: WriteFiles, path: string, want: "on" | "off"): Promise<void> {
  await files.writeText(path, `${want}\n`);
}

export default defineFenceDevice({
  name: "dummy",
  summary: "Writes the power of a node into a file; can be told to fail, lie or hang",
  parameters: Type.Object({
    directory: Type.String({ description: "Folder with one file NODE.power for each node, holding on or off" }),
    mode: Type.Enum(modes, {
      description:
        "ok; fail: switching is refused; lie: switching is claimed and not done; hang: nothing ever answers; unknown: the power cannot be read",
      default: "ok",
    }),
  }),
  permissions: { read: ["{directory}/*.power"], write: ["{directory}/*.power"] },
  timeouts: { power: "5s", setPower: "10s" },
  async power(target, { fs, params }) {
    if (params.mode === "hang") await new Promise(() => undefined);
    if (params.mode === "unknown") return "unknown";
    return await readPower(fs, `${params.directory}/${target}.power`);
  },
  async setPower(target, want, { fs, params }) {
    if (params.mode === "hang") await new Promise(() => undefined);
    if (params.mode === "fail")
      throw new AgentError(
        "generic",
        `The device refuses to switch ${target} ${want}, as its parameter mode tells it.`,
      );
    if (params.mode === "lie") return;
    await writePower(fs, `${params.directory}/${target}.power`, want);
  },
  async check({ fs, node, params }) {
    if (params.mode === "hang") await new Promise(() => undefined);
    await readPower(fs, `${params.directory}/${node}.power`);
  },
});
