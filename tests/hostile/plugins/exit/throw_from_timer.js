// Throws from a timer while its scan waits.
// expect: error
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  setTimeout(() => {
    throw new Error("from a timer");
  }, 0);
  await new Promise((done) => setTimeout(done, 50));
}
