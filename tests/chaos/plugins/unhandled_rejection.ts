// expect: error
// A promise nobody looks at.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    Promise.reject(new Error("stray"));
    return [];
  }
  return { title: t.id };
}
