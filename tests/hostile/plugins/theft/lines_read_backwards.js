// Reads the parts of its transactions in every order, some twice, to find a line or a body that is another transaction's.
// expect: clean
// level: realm

let turn = 0;
export function scan_transaction(t) {
  const reads = [
    () => t.response.headers,
    () => t.request.rawHeaders,
    () => t.response.body,
    () => t.request.headers,
    () => t.request.query_params,
    () => t.request.text(),
    () => t.response.rawHeaders,
    () => t.response.text(),
  ];
  let text = "";
  for (let i = 0; i < 16; i++) text += JSON.stringify(reads[(i * 5 + turn * 3) % 8]());
  turn++;
  const markers = new Set(text.match(/marker-[0-9a-f]{12}/g));
  if (markers.size !== 1) return { title: "BREACH " + [...markers] };
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
