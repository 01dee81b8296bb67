// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (let layer = globalThis; layer; layer = Object.getPrototypeOf(layer)) {
      for (const name of ["close", "addEventListener", "onunload"]) {
        const value = Object.getOwnPropertyDescriptor(layer, name)?.value;
        if (name === "close" && value) return { title: "reached: " + name };
      }
    }
    return [];
  }
  return { title: t.id };
}
