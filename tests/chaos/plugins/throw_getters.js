// expect: error
// An error that throws when it is read.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    throw {
      get name() {
        throw new Error("name");
      },
      get message() {
        throw new Error("message");
      },
      get stack() {
        throw new Error("stack");
      },
    };
  }
  return { title: t.id };
}
