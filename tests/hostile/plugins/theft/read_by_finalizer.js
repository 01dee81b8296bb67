// Reads an old transaction when the collector tells that another one is gone.
// expect: clean
// level: realm

const kept = [];
let got = "";
const registry = new FinalizationRegistry((t) => {
  try {
    got += t.response.text();
  } catch {
    // refused
  }
});
export async function scan_transaction(t) {
  const echo = { title: t.id, evidence: `response ${t.request.headers["x-own-marker"]}` };
  if (!t.request.url.includes("/bad")) {
    kept.push(t);
    for (let i = 0; i < 1000; i++) registry.register({ i }, t);
    return echo;
  }
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 1000; j++) new Uint8Array(4096);
    await new Promise((done) => setTimeout(done, 1));
  }
  return got === "" ? [] : { title: "BREACH " + got.slice(0, 300) };
}
