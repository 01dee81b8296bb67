// Imports keys without end, which live outside the heap.
// expect: out_of_memory, timeout
// limits: timeout_s=10
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  const raw = new Uint8Array(1 << 20);
  for (;;) {
    kept.push(await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]));
  }
}
