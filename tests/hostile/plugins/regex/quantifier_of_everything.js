// Compiles an expression with counts too large to compile.
// expect: error, timeout, clean, out_of_memory
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  new RegExp("((a{1,1000}){1,1000}){1,1000}").test("a".repeat(1000));
}
