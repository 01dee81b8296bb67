// Replaces the methods of byte arrays.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  for (const name of ["set", "fill", "slice", "subarray", "copyWithin", Symbol.iterator]) {
    typed[name] = () => new Uint8Array(1);
  }
}
