// expect: error

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return Promise.reject(null);
  }
  return { title: t.id };
}
