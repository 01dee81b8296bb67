// Releases its own transaction early and replaces the function that does it.
// expect: findings, clean, error
// level: realm

export function scan_transaction(t) {
  const text = t.response.text();
  const Message = Object.getPrototypeOf(Object.getPrototypeOf(t.request)).constructor;
  if (t.request.url.includes("/bad")) {
    Message.release?.(t.request);
    Message.release = () => {};
    Message.prototype.release = () => {};
  }
  return { title: t.id, evidence: text };
}
