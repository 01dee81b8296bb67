// Has the inspector print a request with everything hidden in it.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let inspect = null;
  console.log({
    [Symbol.for("Deno.privateCustomInspect")](given) {
      inspect = given;
      return "x";
    },
  });
  if (typeof inspect !== "function") return [];
  const text = inspect(t.request, { showHidden: true, showProxy: true, getters: true, depth: 9 });
  return text.replaceAll(t.request.headers["x-own-marker"], "").includes("marker-")
    ? { title: "BREACH " + text.slice(0, 200) }
    : [];
}
