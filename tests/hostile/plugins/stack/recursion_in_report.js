// Reports where the stack is nearly full.
// expect: error, clean, findings, invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const dig = () => {
    try {
      dig();
    } catch {
      isoscan.report({ title: "deep" });
    }
  };
  dig();
}
