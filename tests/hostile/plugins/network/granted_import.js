// With network, imports code from the granted host.
// expect: error
// permissions: net=127.0.0.1:9
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await import("http://127.0.0.1:9/code.js");
  return { title: "BREACH imported" };
}
