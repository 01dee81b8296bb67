// Reports from a listener that hears of later scans.
// expect: clean
// level: realm

const target = new EventTarget();
let isArmed = false;
export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    await new Promise((done) => setTimeout(done, 1));
    if (isArmed) await Promise.resolve().then(() => target.dispatchEvent(new Event("later")));
    return { title: t.id, evidence: t.response.text() };
  }
  isArmed = true;
  const own = t.id;
  let isLate = false;
  target.addEventListener("later", () => isLate = true);
  Promise.resolve().then(async () => {
    while (!isLate) await new Promise((done) => setTimeout(done, 1));
    isoscan.report({ title: "BREACH late listener of " + own });
  });
  return [];
}
