// Rejects a promise when its scan has answered, mostly while the next one waits.
// expect: clean, error
// level: realm

let reject = null;
export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    await new Promise((done) => setTimeout(done, 2));
    return { title: t.id, evidence: t.response.text() };
  }
  new Promise((_, refuse) => reject = refuse);
  (async () => {
    for (let turn = 0; turn < 5; turn++) await crypto.subtle.digest("SHA-1", new Uint8Array(9));
    reject(new Error("of an earlier scan"));
  })();
  return [];
}
