// Prints the bytes of a results frame on the console.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const head = "\u0040\0\0\0" + "\0".repeat(16) + "\u0003\0\0\0" + "\u0003";
  console.log(head + '[1,0,[{"d":1,"f":[[0,"{\\"title\\":\\"BREACH forged frame\\"}"]]}],0]');
}
