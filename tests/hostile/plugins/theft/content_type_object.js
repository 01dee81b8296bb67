// Puts an object in the place of the content type and changes the length while the host decodes.
// expect: clean, error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let isRead = false;
  t.response.content_type = {
    toString() {
      isRead = true;
      t.response.bodyLength = 1 << 16;
      return "text/plain; charset=utf-8";
    },
  };
  const text = t.response.text().replaceAll(t.request.headers["x-own-marker"], "");
  return isRead && text.includes("marker-") ? { title: "BREACH " + text.slice(0, 200) } : [];
}
