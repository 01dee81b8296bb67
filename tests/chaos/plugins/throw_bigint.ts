// expect: error

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    throw 10n;
  }
  return { title: t.id };
}
