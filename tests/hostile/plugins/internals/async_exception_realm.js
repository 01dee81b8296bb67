// Rejects from inside native promise code and looks at the error's constructor.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const error = await (async () => {
    const bad = new Error();
    bad.name = Symbol();
    return bad.stack;
  })().catch((caught) => caught);
  const made = error?.constructor?.constructor;
  return made === undefined || made === Function ? [] : { title: "BREACH " + made };
}
