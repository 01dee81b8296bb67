// expect: invalid_findings

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    return {
      title: "x",
      toJSON() {
        throw { get message() { throw 1; } };
      },
    };
  }
  return { title: t.id };
}
