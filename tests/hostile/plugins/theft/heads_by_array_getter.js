// Waits with getters on array indices for a list of heads that lacks one.
// expect: findings
// level: realm

const seen = [];
for (let index = 0; index < 256; index++) {
  Object.defineProperty(Array.prototype, String(index), {
    get() {
      if (Array.isArray(this[0]) && typeof this[0]?.[0]?.[2] === "string") seen.push(this);
      return undefined;
    },
    set(value) {
      Object.defineProperty(this, String(index), {
        value,
        writable: true,
        configurable: true,
        enumerable: true,
      });
    },
    configurable: true,
  });
}
export async function scan_transaction(t) {
  await 1;
  if (seen.length > 0) return { title: "BREACH " + JSON.stringify(seen[0]).slice(0, 200) };
  return { title: t.id, evidence: t.response.text() };
}
