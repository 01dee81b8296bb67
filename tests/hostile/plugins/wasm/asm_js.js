// Has the engine take a function for asm.js, which it compiles as it does WebAssembly.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const made = new Function(
    "'use asm'; function add(a, b) { a = a | 0; b = b | 0; return (a + b) | 0; } return add;",
  );
  const add = made();
  return add(1, 2) === 3 ? [] : { title: "BREACH " + add(1, 2) };
}
