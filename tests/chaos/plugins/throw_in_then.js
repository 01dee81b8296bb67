// expect: error

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    return {
      then() {
        throw new Error("then");
      },
    };
  }
  return { title: t.id };
}
