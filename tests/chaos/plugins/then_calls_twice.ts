// expect: findings
// Answers three times; the first counts.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return {
      then(yes: (v: unknown) => void, no: (e: unknown) => void) {
        yes({ title: "first" });
        no(new Error("second"));
        yes({ title: "third" });
      },
    };
  }
  return { title: t.id };
}
