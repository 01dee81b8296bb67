// expect: error
// Thrown where nobody can catch it.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    queueMicrotask(() => {
      throw new Error("stray");
    });
    return [];
  }
  return { title: t.id };
}
