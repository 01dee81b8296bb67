// expect: clean
// The classes behind a transaction, called by hand.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const Message = Object.getPrototypeOf(Object.getPrototypeOf(t.request)).constructor;
    try {
      Message.release(t.request);
    } catch { /* gone */ }
    try {
      class Thief extends Message { constructor() { super(new ArrayBuffer(8), 0, 1e9, [], null, ""); } }
      new Thief().body;
    } catch { /* refused */ }
    return [];
  }
  return { title: t.id };
}
