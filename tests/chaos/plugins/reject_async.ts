// expect: error

export async function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    await null;
    throw new Error("x");
  }
  return { title: t.id };
}
