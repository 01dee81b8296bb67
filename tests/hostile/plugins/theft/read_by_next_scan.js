// Leaves a continuation that reads the first transaction while a later one is scanned.
// expect: clean
// level: realm

let first = null;
let wake = null;
let got = "";
async function readLater(t) {
  await new Promise((done) => (wake = done));
  for (const read of [() => t.response.text(), () => t.response.body, () => t.response.headers]) {
    try {
      got += JSON.stringify(read()) + " ";
    } catch {
      // refused
    }
  }
}
export async function scan_transaction(t) {
  if (first === null) {
    first = { t, id: t.id };
    readLater(t);
    return { title: t.id, evidence: `response ${t.request.headers["x-own-marker"]}` };
  }
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  wake();
  await 1;
  await 1;
  return got === "" ? [] : { title: "BREACH " + got.slice(0, 300) };
}
