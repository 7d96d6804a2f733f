// Tricks with programs, arguments and what stands around them, against ctx.run and ctx.daemon. Granted are `echo *`, `env`,
// `sort *`, `cat FOLDER/granted/*`, `bash FOLDER/granted/script.sh`, `bash script.sh`, `printf {word}` (the word is `*`), and the daemons `sleep 600`, `echo *`.

import type { Topic } from "./probe.ts";

export const ctxRun: Topic = {
  topic: "ctx.run and ctx.daemon",
  probes: [
    { name: "another program", attempt: `await ctx.run("sh", ["-c", "echo x > " + world.out + "/" + mark]);` },
    {
      name: "another program by its path",
      attempt: `await ctx.run("/bin/sh", ["-c", "echo x > " + world.out + "/" + mark]);`,
    },
    {
      name: "a granted program by another path",
      attempt: `return (await ctx.run(world.folder + "/evil/cat", [world.out + "/" + mark])).stdout;`,
    },
    {
      name: "arguments in the program's name",
      attempt: `await ctx.run("sh -c 'echo x > " + world.out + "/" + mark + "'");`,
    },
    {
      name: "a second command in an argument",
      attempt: `await ctx.run("echo", ["x; echo x > " + world.out + "/" + mark]);`,
    },
    {
      name: "a command within an argument",
      attempt: `await ctx.run("echo", ["$(echo x > " + world.out + "/" + mark + ")"]);`,
    },
    {
      name: "a command in backquotes",
      attempt: "await ctx.run('echo', ['`echo x > ' + world.out + '/' + mark + '`']);",
    },
    {
      name: "an argument with a line end",
      attempt: `await ctx.run("echo", ["x\\necho x > " + world.out + "/" + mark]);`,
    },
    { name: "a redirection as an argument", attempt: `await ctx.run("echo", ["x > " + world.out + "/" + mark]);` },
    {
      name: "an argument that leads back out",
      attempt: `return (await ctx.run("cat", [world.folder + "/granted/../secret.txt"])).stdout;`,
    },
    {
      name: "an argument more",
      attempt: `return (await ctx.run("cat", [world.folder + "/granted/plain.txt", world.secret])).stdout;`,
    },
    {
      name: "an option where a word is granted",
      attempt: `await ctx.run("sort", ["--output=" + world.out + "/" + mark]);`,
    },
    { name: "an option in one letter", attempt: `await ctx.run("sort", ["-o" + world.out + "/" + mark]);` },
    {
      name: "another search path",
      attempt: `await ctx.run("cat", [world.folder + "/granted/plain.txt"], { env: { PATH: world.folder + "/evil", OUT: world.out + "/" + mark } });`,
    },
    {
      name: "a library loaded before",
      attempt: `await ctx.run("env", [], { env: { LD_DEBUG: "files", LD_DEBUG_OUTPUT: world.out + "/" + mark } });`,
    },
    {
      name: "a file that bash reads first",
      attempt: `await ctx.run("bash", [world.folder + "/granted/script.sh"], { env: { BASH_ENV: world.folder + "/evil/cat", OUT: world.out + "/" + mark } });`,
    },
    {
      name: "a function that bash takes from its environment",
      attempt: `await ctx.run("bash", [world.folder + "/granted/script.sh"], { env: { "BASH_FUNC_true%%": "() { : > " + world.out + "/" + mark + "; }" } });`,
    },
    {
      name: "the host's environment",
      attempt: `return (await ctx.run("env")).stdout.split("\\n").find((line) => line.endsWith("=" + world.proof));`,
    },
    {
      name: "the mark of this node taken off",
      attempt: `const { stdout } = await ctx.run("env", [], { env: { SYSTOLE_NODE: "another" } }); return stdout.includes("SYSTOLE_NODE=another") && world.proof;`,
    },
    { name: "a star as the value of a parameter", attempt: `return (await ctx.run("printf", [world.proof])).stdout;` },
    {
      name: "arguments that are no list",
      attempt: `await ctx.run("echo", { length: 1, 0: "x", toJSON: () => "x; : > " + world.out + "/" + mark });`,
    },
    {
      name: "an argument with a NUL",
      attempt: `return (await ctx.run("cat", [world.secret + "\\0/../granted/plain.txt"])).stdout;`,
    },
    {
      name: "more arguments than the system takes",
      attempt: `return (await ctx.run("echo", ["x".repeat(900_000)])).stdout;`,
    },
    {
      name: "a working directory that is none",
      attempt: `return (await ctx.run("echo", ["x"], { directory: "/\\0" })).stdout;`,
    },
    {
      name: "a granted script of another folder, by the working directory",
      attempt: `return (await ctx.run("bash", ["script.sh"], { directory: world.folder + "/evil" })).stdout;`,
    },
    {
      name: "another daemon",
      attempt: `await ctx.daemon.start("/bin/sh", ["-c", "echo x > " + world.out + "/" + mark]); await ctx.sleep(200);`,
    },
    {
      name: "a daemon's log wherever",
      attempt: `try { await ctx.daemon.start("sleep", ["600"], { logFile: world.out + "/" + mark }); } finally { await ctx.daemon.stop({ graceMs: 0 }); }`,
    },
    {
      name: "a daemon's log through a symbolic link",
      attempt: `try { await ctx.daemon.start("echo", [mark], { logFile: world.folder + "/granted/link-log" }); await ctx.sleep(200); } finally { await ctx.daemon.stop({ graceMs: 0 }); }`,
    },
    {
      name: "a daemon's log through a hard link",
      attempt: `try { await ctx.daemon.start("echo", [mark], { logFile: world.folder + "/granted/hard-log" }); await ctx.sleep(200); } finally { await ctx.daemon.stop({ graceMs: 0 }); }`,
    },
    {
      name: "a pipe as a daemon's log, for whose reader the host would wait",
      attempt: `try { await ctx.daemon.start("echo", [mark], { logFile: world.folder + "/granted/log-pipe" }); return world.proof; } finally { await ctx.daemon.stop({ graceMs: 0 }); }`,
    },
    {
      name: "a daemon's search path",
      attempt: `try { await ctx.daemon.start("sleep", ["600"], { env: { PATH: world.folder + "/evil", OUT: world.out + "/" + mark } }); await ctx.sleep(200); } finally { await ctx.daemon.stop({ graceMs: 0 }); }`,
    },
    {
      name: "another process as the daemon, by forged state",
      attempt: `const { identity } = world.victim; await ctx.state.set("host:daemon", JSON.stringify({ identity, token: "x", program: "sleep", logFile: "/x" })); await ctx.daemon.stop({ graceMs: 0 }); return world.proof;`,
    },
    {
      name: "killing a process that carries no mark",
      attempt: `await ctx.processes.kill([world.victim.identity]); return world.proof;`,
    },
    {
      name: "finding processes by another mark",
      attempt: `return (await ctx.processes.find({ marker: "HOME=/" })) && world.proof;`,
    },
  ],
};
