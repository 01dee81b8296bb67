// expect: timeout
// The event loop always has something to do.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return new Promise(() => {
      const again = () => setTimeout(again, 0);
      again();
    });
  }
  return { title: t.id };
}
