// Starting programs, signalling processes, leaving the process by threads.

import type { Topic } from "./probe.ts";

const TOUCH = `["-c", "echo x > " + world.out + "/" + mark]`;

export const programs: Topic = {
  topic: "programs",
  probes: [
    { name: "a program by Deno.Command", attempt: `await new Deno.Command("/bin/sh", { args: ${TOUCH} }).output();` },
    {
      name: "a program by Deno.Command, in sync",
      attempt: `new Deno.Command("/bin/sh", { args: ${TOUCH} }).outputSync();`,
    },
    {
      name: "a program by node:child_process spawn",
      attempt: `const { spawn } = await import("node:child_process"); await new Promise((done, fail) => spawn("/bin/sh", ${TOUCH}).on("exit", done).on("error", fail));`,
    },
    {
      name: "a program by node:child_process spawnSync",
      attempt: `const { spawnSync } = await import("node:child_process"); spawnSync("/bin/sh", ${TOUCH});`,
    },
    {
      name: "a program by node:child_process exec",
      attempt: `const { exec } = await import("node:child_process"); await new Promise((done) => exec("echo x > " + world.out + "/" + mark, done));`,
    },
    {
      name: "a program by node:child_process execFile",
      attempt: `const { execFile } = await import("node:child_process"); await new Promise((done) => execFile("/bin/sh", ${TOUCH}, done));`,
    },
    {
      name: "a program by node:child_process fork",
      attempt: `const { fork } = await import("node:child_process"); await new Promise((done, fail) => fork(world.folder + "/secret.mjs", { stdio: "ignore" }).on("exit", done).on("error", fail)); return world.proof;`,
    },
    {
      name: "this program again, by its own path",
      attempt: `const p = Deno.execPath(); await new Deno.Command(p, { args: ["eval", "Deno.writeTextFileSync(" + JSON.stringify(world.out + "/" + mark) + ", 'x')"] }).output();`,
    },
    {
      name: "a program by node:cluster",
      attempt: `const cluster = (await import("node:cluster")).default; cluster.setupPrimary({ exec: world.folder + "/secret.mjs", silent: true }); const w = cluster.fork(); await new Promise((done) => w.on("online", done)); w.kill(); return world.proof;`,
      outsideIn: "node",
    },
    {
      name: "killing a process by Deno.kill",
      attempt: `Deno.kill(world.victimPid, 0 || "SIGCONT"); return world.proof;`,
    },
    {
      name: "killing a process by process.kill",
      attempt: `const p = (await import("node:process")).default; p.kill(world.victimPid, "SIGCONT"); return world.proof;`,
    },
    {
      name: "stopping the host",
      attempt: `const p = (await import("node:process")).default; p.kill(p.ppid, "SIGCONT"); return world.proof;`,
    },
    {
      name: "asking whether the host lives",
      attempt: `const p = (await import("node:process")).default; p.kill(world.hostPid, 0); return world.proof;`,
    },
    {
      name: "another user by process.setuid",
      attempt: `const p = (await import("node:process")).default; p.setuid(0); p.setgid(0); return p.getuid() === 0 && world.proof;`,
    },
    {
      name: "another priority by node:os",
      attempt: `const os = await import("node:os"); os.setPriority(world.victimPid, 1); return world.proof;`,
    },
    {
      name: "a worker from a file",
      attempt: `const w = new Worker("file://" + world.folder + "/worker.mjs", { type: "module" });
        return await new Promise((done) => { w.onmessage = (e) => done(e.data); w.onerror = (e) => { e.preventDefault(); done("no"); }; }).finally(() => w.terminate());`,
    },
    {
      name: "a worker from text",
      attempt: `const source = "postMessage(Deno.readTextFileSync(" + JSON.stringify(world.secret) + "))";
        const w = new Worker("data:text/javascript," + encodeURIComponent(source), { type: "module" });
        return await new Promise((done) => { w.onmessage = (e) => done(e.data); w.onerror = (e) => { e.preventDefault(); done("no"); }; }).finally(() => w.terminate());`,
    },
    {
      name: "a worker by node:worker_threads",
      attempt: `const { Worker } = await import("node:worker_threads");
        const w = new Worker("require('node:worker_threads').parentPort.postMessage(require('node:fs').readFileSync(" + JSON.stringify(world.secret) + ", 'utf8'))", { eval: true });
        return await new Promise((done) => { w.on("message", done); w.on("error", () => done("no")); }).finally(() => w.terminate());`,
    },
    {
      name: "a worker at all",
      attempt: `const w = new Worker("data:text/javascript,postMessage(1)", { type: "module" });
        return (await new Promise((done) => { w.onmessage = (e) => done(e.data); }).finally(() => w.terminate())) === 1 && world.proof;`,
      places: ["plugin"],
    },
  ],
};
