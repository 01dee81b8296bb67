// Looks for the constructor of shared memory behind other objects.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const text = "return typeof SharedArrayBuffer + typeof Atomics";
  const found = (async () => {}).constructor(text)();
  return (await found) === "undefinedundefined" ? [] : { title: "BREACH " + await found };
}
