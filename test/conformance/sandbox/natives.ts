// Below the language: native code, internals of the runtime, doors that were meant for others.

import type { Topic } from "./probe.ts";

export const natives: Topic = {
  topic: "natives",
  probes: [
    {
      name: "a library by Deno.dlopen",
      attempt: `const l = Deno.dlopen(world.library, { getpid: { parameters: [], result: "i32" } }); const pid = l.symbols.getpid(); l.close(); return pid > 0 && world.proof;`,
    },
    { name: "a pointer from nothing", attempt: `return Deno.UnsafePointer.create(4096n) !== null && world.proof;` },
    {
      name: "a library by process.dlopen",
      attempt: `const p = (await import("node:process")).default; try { p.dlopen({ exports: {} }, world.library); } catch (e) { if (/register|symbol|napi|module/i.test(e.message) && e.name !== "NotCapable") return world.proof; throw e; }`,
    },
    {
      name: "a native addon by require",
      attempt: `const { createRequire } = await import("node:module"); const require = createRequire("file://" + world.folder + "/x.js");
        await Deno.copyFile(world.library, world.out + "/" + mark + ".node"); try { require(world.out + "/" + mark + ".node"); } catch (e) { throw e; }`,
    },
    {
      name: "a file by createRequire",
      attempt: `const { createRequire } = await import("node:module"); return createRequire("file://" + world.folder + "/x.js")(world.folder + "/secret.cjs");`,
    },
    {
      name: "a file by process.getBuiltinModule",
      attempt: `const p = (await import("node:process")).default; return p.getBuiltinModule("fs").readFileSync(world.secret, "utf8");`,
    },
    {
      name: "a program by process.binding",
      attempt: `const p = (await import("node:process")).default; const { spawn } = p.binding("spawn_sync"); const end = { type: "ignore" }; spawn({ file: "/bin/sh", args: ["sh", "-c", "echo x > " + world.out + "/" + mark], envPairs: [], stdio: [end, end, end] });`,
      outsideIn: "node",
    },
    {
      name: "a file by node:vm",
      attempt: `const vm = await import("node:vm"); return vm.runInNewContext("f(p)", { f: (await import("node:fs")).readFileSync, p: world.secret }).toString();`,
    },
    {
      name: "text becoming code after v8.setFlagsFromString",
      attempt: `const v8 = await import("node:v8"); v8.setFlagsFromString("--no-disallow-code-generation-from-strings"); return new Function("return arguments[0]")(world.proof);`,
    },
    {
      name: "an extension by node:sqlite",
      attempt: `const { DatabaseSync } = await import("node:sqlite"); const d = new DatabaseSync(":memory:", { allowExtension: true }); try { d.loadExtension(world.library); } catch (e) { if (e.name !== "NotCapable" && /symbol|extension|entry/i.test(e.message)) return world.proof; throw e; }`,
    },
    {
      name: "text becoming code by Deno's inner evalContext",
      attempt: `const { core } = Deno[Deno.internal]; return core.evalContext(JSON.stringify(world.proof), "file:///x.js")[0];`,
      places: ["outside", "plugin"],
    },
  ],
};
