// expect: error
// Throws while it is asked whether it is a promise.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    return {
      get then() {
        throw new Error("then");
      },
    };
  }
  return { title: t.id };
}
