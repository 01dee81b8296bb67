// Makes a file handle out of the class alone, without opening anything.
// expect: clean, error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const type = Deno.FsFile ?? Object.getPrototypeOf(Deno.stdin ?? {}).constructor;
  for (const rid of [0, 1, 2, 3, 4]) {
    const handle = Reflect.construct(type, [rid, Symbol("Deno.internal.FsFile")]);
    if (handle.statSync) return { title: "BREACH " + JSON.stringify(handle.statSync()) };
  }
  return [];
}
