// Answers, and starts a storm of microtasks behind its answer.
// expect: timeout, out_of_memory
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Promise.resolve().then(() => {
    const again = () => Promise.resolve().then(again);
    again();
  });
  return { title: "answered" };
}
