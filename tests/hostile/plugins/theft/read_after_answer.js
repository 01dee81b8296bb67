// Answers by hand in the middle of its scan and reads on behind its own end, in every kind of later turn.
// expect: clean
// level: realm

const got = [];
function tryRead(t, when) {
  try {
    got.push(`${when} ${t.response.text()}`);
  } catch {
    // refused
  }
}
export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const late = got.filter((text) => text.startsWith("late"));
    return late.length === 0 ? [] : { title: "BREACH " + late.join(" ") };
  }
  const echo = { title: t.id, evidence: `response ${t.request.headers["x-own-marker"]}` };
  return {
    then(answer) {
      setTimeout(() => {
        answer(echo);
        setTimeout(() => tryRead(t, "late"), 0);
        queueMicrotask(() => tryRead(t, "in the same turn"));
      }, 1);
    },
  };
}
