// expect: timeout
// Loops inside a built-in.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const list = Array.from({ length: 1000 }, (_, i) => i);
    list.sort(() => {
      for (;;);
    });
  }
  return { title: t.id };
}
