// Reports an object that says something else each time it is read.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let turn = 0;
  return {
    get title() {
      return "turn " + turn++;
    },
    toJSON() {
      return { title: "written " + turn++ };
    },
  };
}
