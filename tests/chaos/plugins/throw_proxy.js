// expect: error
// Every trap throws.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const fail = () => {
      throw new Error("trap");
    };
    throw new Proxy({}, { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail });
  }
  return { title: t.id };
}
