// Calls the hidden methods of abort signals, whose timers are the engine's own.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const signal = AbortSignal.timeout(10_000);
  const seen = [];
  for (
    const symbol of Object.getOwnPropertySymbols(AbortSignal.prototype).concat(
      Object.getOwnPropertySymbols(signal),
    )
  ) {
    seen.push(signal[symbol]);
  }
  const found = seen.filter((value) => value && typeof value === "object" && "rid" in value);
  return found.length === 0 ? [] : { title: "BREACH" };
}
