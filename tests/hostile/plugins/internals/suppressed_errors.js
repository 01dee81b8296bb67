// Disposes of resources whose disposal fails inside the host, and opens the error that suppressed the other.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const stack = new DisposableStack();
  stack.defer(() => t.request.text.call(null));
  stack.defer(() => isoscan.readAsset(Symbol()));
  stack.adopt(t.response, Object.getOwnPropertyDescriptor(Object.getPrototypeOf(t.request), "body").get);
  stack.defer(() => {
    const deep = () => deep();
    deep();
  });
  let error;
  try {
    stack.dispose();
  } catch (thrown) {
    error = thrown;
  }
  for (let depth = 0; error && depth < 10; depth++) {
    for (const one of [error, error.error, error.suppressed]) {
      if (!one) continue;
      const reach = one.constructor.constructor("return typeof process")();
      if (reach !== "undefined" || !(one instanceof Error)) return { title: "BREACH " + one };
    }
    error = error.suppressed;
  }
}
