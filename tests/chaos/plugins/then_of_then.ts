// expect: error, findings, clean, invalid_findings
// A thenable that resolves to a thenable.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return { then: (yes: (v: unknown) => void) => yes({ then: (again: (v: unknown) => void) => again({ title: "x" }) }) };
  }
  return { title: t.id };
}
