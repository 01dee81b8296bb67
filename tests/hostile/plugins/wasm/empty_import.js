// Imports an empty module, to reach the constructors behind it.
// expect: clean, error
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = await import("data:application/wasm;base64,AGFzbQEAAAA=");
  const values = Reflect.ownKeys(found).map((key) => found[key]).filter((value) => Object(value) === value);
  return values.length === 0 ? [] : { title: "BREACH " + values };
}
