// expect: clean
// Timers that would fire in a later scan.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    setTimeout(() => {
      throw new Error("late");
    }, 1);
    setInterval(() => isoscan.report({ title: "late" }), 1);
    return [];
  }
  return { title: t.id };
}
