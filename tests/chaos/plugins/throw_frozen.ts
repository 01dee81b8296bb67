// expect: error

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    throw Object.freeze({});
  }
  return { title: t.id };
}
