// Importing what is not in the bundle, while the plugin runs.

import type { Topic } from "./probe.ts";

/** Import attributes for a text. */
const TEXT = `{ with: { type: "text" } }`;

export const imports: Topic = {
  topic: "imports",
  probes: [
    {
      name: "a script by a computed address",
      attempt: `return (await import("file://" + world.folder + "/secret.mjs")).default;`,
    },
    {
      name: "JSON by a computed address",
      attempt: `return (await import("file://" + world.folder + "/secret.json", { with: { type: "json" } })).default.secret;`,
    },
    {
      name: "a text by a computed address",
      attempt: `return (await import("file://" + world.secret, ${TEXT})).default;`,
    },
    { name: "a script by a bare path", attempt: `return (await import(world.folder + "/secret.mjs")).default;` },
    {
      name: "a script over HTTP",
      attempt: `return (await import("http://127.0.0.1:" + world.httpPort + "/" + mark + ".js")).default;`,
    },
    {
      name: "a script in a data: address that imports a file",
      attempt: `const inner = "export { default } from " + JSON.stringify("file://" + world.folder + "/secret.mjs"); return (await import("data:text/javascript," + encodeURIComponent(inner))).default;`,
    },
    {
      name: "a script in a data: address that imports a text",
      attempt: `const inner = "export { default } from " + JSON.stringify("file://" + world.secret) + " with { type: 'text' }"; return (await import("data:text/javascript," + encodeURIComponent(inner))).default;`,
    },
    {
      name: "a script in a blob: address that imports a file",
      attempt: `const inner = "export { default } from " + JSON.stringify("file://" + world.folder + "/secret.mjs"); return (await import(URL.createObjectURL(new Blob([inner], { type: "text/javascript" })))).default;`,
    },
    {
      name: "a script in a blob: address that imports JSON",
      attempt: `const inner = "export { default } from " + JSON.stringify("file://" + world.folder + "/secret.json") + " with { type: 'json' }"; return (await import(URL.createObjectURL(new Blob([inner], { type: "text/javascript" })))).default.secret;`,
    },
    { name: "a package by npm:", attempt: `await import("npm:" + mark + "@1.0.0");` },
    { name: "a package by jsr:", attempt: `await import("jsr:@probe/" + mark + "@1.0.0");` },
    {
      name: "a name of deno.json in the working directory",
      attempt: `return (await import("secret-by-map")).default;`,
    },
    {
      name: "whether a file is there, by the error of its import",
      attempt: `const says = async (p) => { try { await import("file://" + p); return "ok"; } catch (e) { return e.message.replaceAll(p, ""); } };
        return (await says(world.folder + "/secret.mjs")) !== (await says(world.folder + "/nothing.mjs")) && world.proof;`,
    },
    {
      name: "a worker's script over HTTP",
      attempt: `const w = new Worker("http://127.0.0.1:" + world.httpPort + "/" + mark + ".js", { type: "module" }); await new Promise((done) => { w.onerror = (e) => { e.preventDefault(); done(); }; setTimeout(done, 1_000); }); w.terminate();`,
    },
    {
      name: "import.meta of this module",
      attempt: `return import.meta.resolve("file:///x") && import.meta.filename && world.proof;`,
      places: ["plugin"],
    },
  ],
};
