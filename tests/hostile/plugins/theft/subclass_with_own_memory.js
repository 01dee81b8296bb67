// Constructs a message of its own over memory of its own choice.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const Message = Object.getPrototypeOf(Object.getPrototypeOf(t.request)).constructor;
  for (const memory of [new ArrayBuffer(8), { byteLength: 1 << 16 }, 1 << 16, null]) {
    try {
      const text = Reflect.construct(Message, [memory, 0, 4096, [], null, ""]).text();
      if (text.includes("marker-")) return { title: "BREACH " + text };
    } catch {
      // refused
    }
  }
}
