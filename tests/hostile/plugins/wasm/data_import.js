// Imports a module with memory and code from a data URL.
// expect: error
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const bytes = [
    0,
    97,
    115,
    109,
    1,
    0,
    0,
    0,
    1,
    5,
    1,
    96,
    0,
    1,
    127,
    3,
    2,
    1,
    0,
    5,
    3,
    1,
    0,
    1,
    7,
    9,
    2,
    1,
    109,
    2,
    0,
    1,
    102,
    0,
    0,
  ]
    .concat([10, 6, 1, 4, 0, 65, 42, 11]);
  const found = await import("data:application/wasm;base64," + btoa(String.fromCharCode(...bytes)));
  return { title: "BREACH " + Object.keys(found) };
}
