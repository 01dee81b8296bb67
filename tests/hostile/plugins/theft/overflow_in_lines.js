// Reads headers where the stack is nearly full, so that the host loses count of whose lines are where.
// expect: clean
// level: realm

function atEveryDepth(read) {
  let deep = 0;
  const descend = () => {
    deep++;
    try {
      descend();
    } catch {
      // full
    }
    if (deep-- % 3 === 0) {
      try {
        read();
      } catch {
        // full still
      }
    }
  };
  descend();
}
export function scan_transaction(t) {
  const parts = [t.response, t.request];
  for (const part of parts) {
    atEveryDepth(() => part.headers);
    atEveryDepth(() => part.body);
    atEveryDepth(() => part.text());
  }
  const text = JSON.stringify([t.request.headers, t.response.headers, t.request.text(), t.response.text()]);
  const markers = new Set(text.match(/marker-[0-9a-f]{12}/g));
  if (markers.size !== 1 || t.response.headers["x-own-marker"] !== undefined) {
    return { title: "BREACH " + [...markers] };
  }
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
