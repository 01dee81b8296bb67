// expect: timeout
// Never returns, after an await.

export async function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    await null;
    for (;;);
  }
  return { title: t.id };
}
