// expect: error, out_of_memory
// Fifty megabytes of message.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    throw new Error("x".repeat(50_000_000));
  }
  return { title: t.id };
}
