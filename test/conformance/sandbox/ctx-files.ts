// Tricks with paths against ctx.fs. Granted is what lies below `granted`, for reading and writing.

import type { Topic } from "./probe.ts";

export const ctxFiles: Topic = {
  topic: "ctx.fs",
  probes: [
    { name: "an absolute path elsewhere", attempt: `return await ctx.fs.readText(world.secret);` },
    { name: "a path back out", attempt: `return await ctx.fs.readText(world.folder + "/granted/../secret.txt");` },
    {
      name: "a path back out, in a roundabout way",
      attempt: `return await ctx.fs.readText(world.folder + "/granted/.//deeper/..//./../secret.txt");`,
    },
    { name: "a path of the working directory", attempt: `return await ctx.fs.readText("secret.txt");` },
    { name: "a symbolic link", attempt: `return await ctx.fs.readText(world.folder + "/granted/link");` },
    {
      name: "a symbolic link to a folder",
      attempt: `return await ctx.fs.readText(world.folder + "/granted/folder-link/secret.txt");`,
    },
    {
      name: "a symbolic link to a folder, and back",
      attempt: `return await ctx.fs.readText(world.folder + "/granted/folder-link/granted/../secret.txt");`,
    },
    { name: "/proc/self/root", attempt: `return await ctx.fs.readText("/proc/self/root" + world.secret);` },
    { name: "/proc/self/cwd", attempt: `return await ctx.fs.readText("/proc/self/cwd/secret.txt");` },
    { name: "another case", attempt: `return await ctx.fs.readText(world.folder + "/GRANTED/secret.txt");` },
    {
      name: "another form of Unicode",
      attempt: `return await ctx.fs.readText(world.folder + "/" + "r\\u00e9serv\\u00e9".normalize("NFD") + "/secret.txt");`,
    },
    {
      name: "a folder whose name begins the same",
      attempt: `return await ctx.fs.readText(world.folder + "/granted-not/secret.txt");`,
    },
    {
      name: "the environment of the host",
      attempt: `return (await ctx.fs.readText("/proc/self/environ")).length > 0 && world.proof;`,
    },
    {
      name: "a path with a NUL",
      attempt: `return await ctx.fs.readText(world.secret + "\\0/granted/x");`,
    },
    {
      name: "a path that is very long",
      attempt: `return await ctx.fs.readText(world.folder + "/granted" + "/..".repeat(50_000) + world.secret);`,
    },
    {
      name: "a path that is no text",
      attempt: `return await ctx.fs.readText({ toString: () => world.secret, toJSON: () => ["x"], length: 3 });`,
    },
    { name: "writing elsewhere", attempt: `await ctx.fs.writeText(world.out + "/" + mark, "x");` },
    {
      name: "writing by a path back out",
      attempt: `await ctx.fs.writeText(world.folder + "/granted/../out/" + mark, "x");`,
    },
    {
      name: "writing through a symbolic link",
      attempt: `await ctx.fs.writeText(world.folder + "/granted/link-" + mark.split("-")[0], mark);`,
    },
    {
      name: "writing through a symbolic link to a folder",
      attempt: `await ctx.fs.writeText(world.folder + "/granted/folder-link/out/" + mark, "x");`,
    },
    {
      name: "writing through a hard link",
      attempt: `await ctx.fs.writeText(world.folder + "/granted/hard-" + mark.split("-")[0], mark);`,
    },
    {
      name: "removing elsewhere",
      attempt: `await ctx.fs.remove(world.folder + "/granted/../remove-ctx-" + mark.split("-")[0]); return world.proof;`,
    },
    {
      name: "removing through a symbolic link to a folder",
      attempt: `await ctx.fs.remove(world.folder + "/granted/folder-link/remove-too-" + mark.split("-")[0]); return world.proof;`,
    },
    {
      name: "a folder that becomes a link in between",
      attempt: `for (const until = Date.now() + 1_500; Date.now() < until; ) { const got = await ctx.fs.readText(world.folder + "/granted/swapped/secret.txt").catch(() => ""); if (String(got).includes(world.proof)) return got; }`,
    },
    {
      name: "a device without end",
      attempt: `const slow = new Promise((done) => setTimeout(done, 1_000, world.proof));
        return await Promise.race([ctx.fs.readText("/dev/zero").catch((e) => "refused " + e.message), slow]);`,
    },
    {
      name: "pipes that nobody writes to, until the host reads no files any more",
      attempt: `const none = Promise.allSettled(Array.from({ length: 32 }, () => ctx.fs.readText(world.folder + "/granted/pipe")));
        const slow = new Promise((done) => setTimeout(done, 1_000, world.proof));
        return await Promise.race([none.then(() => ctx.fs.readText(world.folder + "/granted/plain.txt")), slow]);`,
    },
  ],
};
