// Reading, writing and looking at files, by every way to them.

import type { Topic } from "./probe.ts";

export const files: Topic = {
  topic: "files",
  probes: [
    { name: "reading by Deno.readTextFile", attempt: `return await Deno.readTextFile(world.secret);` },
    { name: "reading by Deno.readTextFileSync", attempt: `return Deno.readTextFileSync(world.secret);` },
    {
      name: "reading by Deno.open",
      attempt: `const f = await Deno.open(world.secret); const b = new Uint8Array(64); const n = await f.read(b); f.close(); return new TextDecoder().decode(b.subarray(0, n));`,
    },
    {
      name: "reading by node:fs",
      attempt: `const fs = await import("node:fs"); return fs.readFileSync(world.secret, "utf8");`,
    },
    {
      name: "reading by node:fs streams",
      attempt: `const fs = await import("node:fs"); let t = ""; for await (const b of fs.createReadStream(world.secret)) t += b; return t;`,
    },
    {
      name: "reading by node:fs openAsBlob",
      attempt: `const fs = await import("node:fs"); return await (await fs.openAsBlob(world.secret)).text();`,
    },
    { name: "reading by fetch of a file", attempt: `return await (await fetch("file://" + world.secret)).text();` },
    {
      name: "reading /proc/self/environ",
      attempt: `return (await Deno.readTextFile("/proc/self/environ")) && world.proof;`,
    },
    {
      name: "reading the host's environment below /proc",
      attempt: `return (await Deno.readTextFile("/proc/" + world.hostPid + "/environ")).length > 0 && world.proof;`,
    },
    {
      name: "reading the host's memory below /proc",
      attempt: `return (await Deno.readTextFile("/proc/" + world.hostPid + "/maps")) && world.proof;`,
    },
    {
      name: "reading through /proc/self/root",
      attempt: `return await Deno.readTextFile("/proc/self/root" + world.secret);`,
    },
    {
      name: "reading through /proc/self/cwd",
      attempt: `return await Deno.readTextFile("/proc/self/cwd/../../../../../../../.." + world.secret);`,
    },
    {
      name: "descriptors below /proc/self/fd",
      attempt: `const found = []; for await (const one of Deno.readDir("/proc/self/fd")) found.push(one.name); return found.length > 0 && world.proof;`,
    },
    {
      name: "reading /dev/fd by node:fs",
      attempt: `const fs = await import("node:fs"); return fs.readdirSync("/dev/fd").length > 0 && world.proof;`,
    },
    {
      name: "listing a folder",
      attempt: `for await (const one of Deno.readDir(world.folder)) if (one.name === "secret.txt") return world.proof;`,
    },
    { name: "looking at a file by stat", attempt: `return (await Deno.stat(world.secret)).size > 0 && world.proof;` },
    {
      name: "asking node:fs whether a file is there",
      attempt: `const fs = await import("node:fs"); return fs.existsSync(world.secret) && world.proof;`,
    },
    {
      name: "the real path of a file",
      attempt: `return (await Deno.realPath(world.folder + "/./secret.txt")) && world.proof;`,
    },
    { name: "the working directory", attempt: `return Deno.cwd() && world.proof;`, places: ["plugin"] },
    { name: "another working directory", attempt: `Deno.chdir(world.folder); return world.proof;` },
    { name: "writing by Deno.writeTextFile", attempt: `await Deno.writeTextFile(world.out + "/" + mark, "x");` },
    {
      name: "writing by node:fs",
      attempt: `const fs = await import("node:fs"); fs.writeFileSync(world.out + "/" + mark, "x");`,
    },
    { name: "making a folder", attempt: `await Deno.mkdir(world.out + "/" + mark);` },
    { name: "a temporary file", attempt: `await Deno.makeTempFile({ dir: world.out, prefix: mark });` },
    {
      name: "a temporary file wherever",
      attempt: `const f = await Deno.makeTempFile(); await Deno.remove(f); return world.proof;`,
    },
    { name: "a symbolic link", attempt: `await Deno.symlink(world.secret, world.out + "/" + mark);` },
    { name: "a hard link", attempt: `await Deno.link(world.out + "/../secret.json", world.out + "/" + mark);` },
    { name: "copying a file", attempt: `await Deno.copyFile(world.secret, world.out + "/" + mark);` },
    {
      name: "changing the rights of a file",
      attempt: `await Deno.chmod(world.folder + "/secret.json", 0o644); return world.proof;`,
    },
    {
      name: "changing the times of a file",
      attempt: `await Deno.utime(world.folder + "/secret.json", 1, 1); return world.proof;`,
    },
    {
      name: "renaming a file",
      attempt: `await Deno.rename(world.folder + "/rename-" + mark.split("-")[0], world.out + "/" + mark);`,
    },
    {
      name: "removing a file",
      attempt: `await Deno.remove(world.folder + "/remove-" + mark.split("-")[0]); return world.proof;`,
    },
    { name: "watching a folder", attempt: `const w = Deno.watchFs(world.folder); w.close(); return world.proof;` },
    {
      name: "a database by Deno.openKv",
      attempt: `const kv = await Deno.openKv(world.out + "/" + mark); kv.close();`,
    },
    {
      name: "a database by node:sqlite",
      attempt: `const { DatabaseSync } = await import("node:sqlite"); new DatabaseSync(world.out + "/" + mark).exec("create table t(x)");`,
    },
    {
      name: "a database attached to one in memory",
      attempt: `const { DatabaseSync } = await import("node:sqlite"); const d = new DatabaseSync(":memory:"); d.exec("attach database '" + world.out + "/" + mark + "' as other; create table other.t(x)");`,
    },
    {
      name: "a database written by vacuum into",
      attempt: `const { DatabaseSync } = await import("node:sqlite"); const d = new DatabaseSync(":memory:"); d.exec("create table t(x)"); d.exec("vacuum into '" + world.out + "/" + mark + "'");`,
    },
    {
      name: "a database's backup",
      attempt: `const s = await import("node:sqlite"); const d = new s.DatabaseSync(":memory:"); d.exec("create table t(x)"); await s.backup(d, world.out + "/" + mark);`,
    },
    {
      name: "a picture of the heap by node:v8",
      attempt: `const v8 = await import("node:v8"); v8.writeHeapSnapshot(world.out + "/" + mark);`,
    },
    {
      name: "a report by process.report",
      attempt: `const p = (await import("node:process")).default; p.report.directory = world.out; p.report.writeReport(mark);`,
      outsideIn: "node",
    },
    {
      name: "the cache of the Web",
      attempt: `const c = await caches.open("x"); await c.put("http://x/", new Response(world.proof)); return await (await c.match("http://x/")).text();`,
    },
    {
      name: "localStorage",
      attempt: `localStorage.setItem("x", world.proof); return localStorage.getItem("x");`,
    },
  ],
};
