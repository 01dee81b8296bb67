// Calls the host's functions so deep that they fail with an error of their own, and follows that error.
// expect: clean, findings, invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  const dig = () => {
    try {
      dig();
    } catch {
      for (
        const call of [
          () => isoscan.report({ title: "deep" }),
          () => console.log("x"),
          () => setTimeout(() => {}),
        ]
      ) {
        try {
          call();
        } catch (error) {
          seen.push(error);
        }
      }
      throw new Error("x");
    }
  };
  try {
    dig();
  } catch {
    // expected
  }
  for (const error of seen.slice(0, 50)) {
    if (error.constructor.constructor !== Function) return { title: "BREACH" };
  }
  return [];
}
