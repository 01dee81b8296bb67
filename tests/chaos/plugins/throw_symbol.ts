// expect: error

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    throw Symbol("s");
  }
  return { title: t.id };
}
