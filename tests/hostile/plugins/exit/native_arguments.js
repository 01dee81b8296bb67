// Hands the engine's native functions every kind of wrong argument, to make one of them panic.
// expect: clean, error, crashed, timeout, out_of_memory
// limits: timeout_s=15
// level: realm

const odd = [
  undefined,
  null,
  NaN,
  -1,
  2 ** 53,
  1n,
  "",
  "\ud800",
  "x".repeat(1 << 20),
  Symbol.iterator,
  [],
  {},
];
odd.push(
  new Uint8Array(0),
  new ArrayBuffer(8, { maxByteLength: 16 }),
  () => {},
  new Proxy({}, {}),
  new Date(NaN),
);
export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const calls = [
    (a, b) => new URL(a, b),
    (a, b) => new URLPattern(a, b),
    (a, b) => new URLPattern({ pathname: a, hostname: b }),
    (a, b) => new TextDecoder(a, { fatal: b }).decode(b, { stream: true }),
    (a, b) => new TextEncoder().encodeInto(a, b),
    (a) => atob(a),
    (a) => btoa(a),
    (a, b) => structuredClone(a, { transfer: [b] }),
    (a, b) => crypto.subtle.digest(a, b),
    (a, b) => crypto.subtle.importKey("raw", a, b, true, ["sign"]),
    (a, b) => crypto.subtle.importKey("pkcs8", a, { name: "RSA-OAEP", hash: b }, true, []),
    (a, b) =>
      crypto.subtle.generateKey(
        { name: "RSA-PSS", modulusLength: a, publicExponent: b, hash: "SHA-1" },
        true,
        [],
      ),
    (a, b) => crypto.subtle.deriveBits({ name: "HKDF", salt: a, info: b, hash: "SHA-1" }, a, 8),
    (a) => crypto.getRandomValues(a),
    (a, b) => new Intl.DateTimeFormat(a, { timeZone: b }),
    (a, b) => new Intl.Segmenter(a, { granularity: b }),
    (a, b) => performance.measure(a, b),
    (a, b) => new Event(a, b),
    (a, b) => AbortSignal.any([a, b]),
    (a, b) => setTimeout(a, b),
  ];
  for (const call of calls) {
    for (const a of odd) {
      for (const b of odd) {
        try {
          const made = call(a, b);
          if (made instanceof Promise) await made.catch(() => {});
        } catch {
          // refused
        }
      }
    }
  }
}
