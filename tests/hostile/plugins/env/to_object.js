// Reads the whole environment at once, by the call that some versions forgot to check.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const all = { ...Deno.env.toObject() };
  return { title: "BREACH " + JSON.stringify(all).slice(0, 300) };
}
