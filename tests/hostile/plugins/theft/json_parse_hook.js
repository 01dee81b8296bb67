// Replaces JSON.parse and waits for the next frame's heads.
// expect: findings
// level: realm

const seen = [];
const own = JSON.parse;
JSON.parse = (...args) => {
  seen.push(args[0]);
  return own(...args);
};
export async function scan_transaction(t) {
  await 1;
  if (seen.length > 0) return { title: "BREACH " + seen };
  return { title: t.id, evidence: t.response.text() };
}
