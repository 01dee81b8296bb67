// Has the engine derive a key over a billion rounds, on a thread of its own.
// expect: timeout
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "PBKDF2", false, ["deriveBits"]);
  await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-512", salt: new Uint8Array(16), iterations: 2 ** 31 },
    key,
    256,
  );
}
