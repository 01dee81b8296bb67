// Constructs a request of its own from the request's class, over a frame of its own choice.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const type = Object.getPrototypeOf(t.request).constructor;
  for (const frame of [t.request.body.buffer, t.response.body.buffer, null, undefined]) {
    try {
      const made = Reflect.construct(type, [
        ["1", "GET", "u", [], null, false, "", false, 1 << 12, null],
        frame,
        0,
      ]);
      const text = made.text().replaceAll(t.request.headers["x-own-marker"], "");
      if (text.includes("marker-")) return { title: "BREACH " + text };
    } catch {
      // refused
    }
  }
}
