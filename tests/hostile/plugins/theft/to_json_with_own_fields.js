// Has the host's own toJSON read fields that it replaced, on objects that are no requests.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const own = t.request.headers["x-own-marker"];
  const write = t.response.toJSON;
  const fakes = [
    { headers: 1, text: () => "" },
    Object.create(t.response),
    new Proxy(t.response, {}),
    t.request,
  ];
  for (const fake of fakes) {
    try {
      const text = JSON.stringify(write.call(fake));
      if (text.replaceAll(own, "").includes("marker-")) return { title: "BREACH " + text.slice(0, 200) };
    } catch {
      // refused
    }
  }
}
