// Leaves twenty thousand rejected promises.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (let turn = 0; turn < 20_000; turn++) Promise.reject(new Error("rejection " + turn));
}
