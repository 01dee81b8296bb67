// Puts setters for every field of a transaction on its classes, to be told the fields of the transactions to come.
// expect: clean
// level: realm

const told = [];
const fields = ["id", "request", "response", "url", "method", "headers", "status", "body", "bodyLength"];
fields.push("content_type", "timestamp", "request_id", "is_https", "was_edited", "#row", "#block");
function watch(prototype) {
  for (const name of fields) {
    if (Object.hasOwn(prototype, name)) continue;
    Object.defineProperty(prototype, name, {
      set(value) {
        told.push(`${name}=${value}`);
      },
      get: () => undefined,
      configurable: true,
    });
  }
}
watch(Object.prototype);
watch(Array.prototype);

let isArmed = false;
export function scan_transaction(t) {
  if (!isArmed) {
    isArmed = true;
    for (const part of [t, t.request, t.response]) watch(Object.getPrototypeOf(part));
  }
  const own = t.request.headers["x-own-marker"];
  const text = told.join(" ").replaceAll(own, "");
  if (text.includes("marker-")) return { title: "BREACH " + text.slice(0, 200) };
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
