// Makes a module of its own with an object URL.
// expect: error
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const url = URL.createObjectURL(new Blob(["export default 1"], { type: "text/javascript" }));
  return { title: "BREACH " + (await import(url)).default };
}
