// expect: error
// Text that is no valid Unicode.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    throw new Error("\ud800 \udfff \u0000 \u001b[31m");
  }
  return { title: t.id };
}
