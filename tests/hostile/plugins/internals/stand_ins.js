// Calls everything on the Deno object, each with every kind of argument, and looks for one that answers.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = [];
  const walk = (object) => {
    for (const name of Reflect.ownKeys(object)) {
      const value = object[name];
      if (typeof value === "object") walk(value);
      if (typeof value !== "function" || String(name).startsWith("op_")) continue;
      for (
        const argument of [
          undefined,
          "/etc/passwd",
          {},
          { toString: () => "/etc/passwd" },
          0,
          new URL("file:///etc/passwd"),
        ]
      ) {
        for (
          const call of [() => value(argument), () => new value(argument), () => value.call(Deno, argument)]
        ) {
          try {
            call();
            found.push(String(name));
          } catch {
            // refused
          }
        }
      }
    }
  };
  walk(Deno);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
