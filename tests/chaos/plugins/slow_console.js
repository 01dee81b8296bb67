// expect: timeout
// Loops while its console line is written.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    console.log({
      get a() {
        for (;;);
      },
      [Symbol.for("Deno.customInspect")]() {
        for (;;);
      },
    });
  }
  return { title: t.id };
}
