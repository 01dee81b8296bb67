// Prints objects that throw, loop and change while they are printed.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const refuse = new Proxy(function () {}, {
    get: () => {
      throw 1;
    },
    ownKeys: () => {
      throw 2;
    },
    getPrototypeOf: () => {
      throw 3;
    },
  });
  const ring = new Map();
  ring.set(ring, ring);
  console.log(
    refuse,
    ring,
    Object.create(null),
    {
      get x() {
        throw 4;
      },
    },
    "%s%d%o%c",
    Symbol("x"),
    1n,
  );
}
