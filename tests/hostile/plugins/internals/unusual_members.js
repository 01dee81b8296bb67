// Looks on the stand-in for members of the real namespace that only new or unstable versions have.
// expect: clean
// level: host

const names = [
  "bundle",
  "lint",
  "cron",
  "jupyter",
  "test",
  "bench",
  "telemetry",
  "tunnel",
  "webgpu",
  "internal",
];
names.push(
  "UnsafeWindowSurface",
  "UnsafeCallback",
  "unrefTimer",
  "refTimer",
  "memoryUsage",
  "args",
  "mainModule",
);
names.push(
  "stdin",
  "stdout",
  "stderr",
  "resources",
  "build",
  "version",
  "pid",
  "ppid",
  "permissions",
  "errors",
);
names.push("addSignalListener", "consoleSize", "inspect", "exit", "QuicEndpoint", "openKv", "FsFile", "Kv");
export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const there = names.filter((name) => Deno[name] !== undefined);
  const symbols = Reflect.ownKeys(Deno).filter((name) => typeof name === "symbol");
  return there.length + symbols.length === 0 ? [] : { title: "BREACH " + there };
}
