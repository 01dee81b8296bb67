// Answers each timer with the next one.
// expect: timeout, out_of_memory
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await new Promise(() => {
    const again = () => setTimeout(again, 0);
    again();
  });
}
