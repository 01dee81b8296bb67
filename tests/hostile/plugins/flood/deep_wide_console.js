// Prints an object a hundred wide at every one of its levels.
// expect: clean, timeout, out_of_memory
// limits: timeout_s=3
// level: realm

function wide(depth) {
  const made = {};
  for (let i = 0; i < 100; i++) made["k" + i] = depth === 0 ? "x".repeat(100) : wide(depth - 1);
  return made;
}
export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const shared = wide(1);
  const top = {};
  for (let i = 0; i < 100; i++) top[i] = { a: shared, b: shared, c: [shared, shared] };
  for (let i = 0; i < 50; i++) console.log(top);
}
