// Clears and renews its timers inside each other, so that one might outlive its scan.
// expect: findings
// level: realm

export async function scan_transaction(t) {
  const echo = { title: t.id, evidence: t.response.text() };
  if (t.request.url.includes("/bad")) {
    const spin = () => {
      const timer = setInterval(() => {
        clearInterval(timer);
        clearTimeout(timer);
        isoscan.report({ title: "again" });
        spin();
      }, 0);
    };
    spin();
    await new Promise((done) => setTimeout(done, 10));
    return [];
  }
  return echo;
}
