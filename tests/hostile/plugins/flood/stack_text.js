// Throws an error whose stack is sixty megabytes of text with places in it.
// expect: error, out_of_memory
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const error = new Error("x");
  Object.defineProperty(error, "stack", {
    value: "Error\n" + "    at f (blob:null/0:1:1)\n".repeat(2_000_000),
  });
  throw error;
}
