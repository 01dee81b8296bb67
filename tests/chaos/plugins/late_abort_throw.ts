// expect: clean
// A signal's own timer fires during a later scan and throws there.

export async function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    AbortSignal.timeout(1).addEventListener("abort", () => {
      throw new Error("late");
    });
    return [];
  }
  await new Promise((done) => setTimeout(done, 20));
  return { title: t.id };
}
