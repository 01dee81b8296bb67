// Hands the engine's recursive functions structures that are deeper than its stack.
// expect: clean, error, crashed, timeout, out_of_memory
// limits: timeout_s=15
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let deep = [];
  let error = new Error("x");
  for (let i = 0; i < 200_000; i++) {
    deep = [deep];
    error = new Error("x", { cause: error });
  }
  const tries = [
    () => structuredClone(deep),
    () => structuredClone(error),
    () => console.log(deep, error),
    () => new RegExp("(".repeat(100_000) + ")".repeat(100_000)).exec("x"),
    () => new URLPattern({ pathname: "{".repeat(50_000) + "}".repeat(50_000) }),
    () => JSON.parse("[".repeat(1_000_000)),
    () => (0, eval)("[".repeat(200_000) + "]".repeat(200_000)),
    () => deep.flat(Infinity),
    () => String(deep),
  ];
  for (const attempt of tries) {
    try {
      attempt();
    } catch {
      // refused
    }
  }
}
