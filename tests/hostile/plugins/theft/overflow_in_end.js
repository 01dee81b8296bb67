// Makes the host end a scan where the stack is nearly full, so that it might forget to cut the transaction off.
// expect: clean, findings, error, crashed, timeout
// then: findings,error,crashed,timeout
// limits: timeout_s=1
// level: realm

let kept = null;
export async function scan_transaction(t) {
  await new Promise((done) => setTimeout(done, 1));
  if (kept !== null) {
    let text = "";
    try {
      text = kept.response.text();
    } catch {
      // cut off
    }
    if (text.includes("marker-") && !text.includes(kept.marker)) return { title: "BREACH " + text };
  }
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  kept = { response: t.response, marker: t.request.headers["x-own-marker"] };
  const event = () => new Event("beforeunload", { cancelable: true });
  const dig = () => {
    try {
      dig();
    } catch {
      try {
        EventTarget.prototype.dispatchEvent.call(globalThis, event());
      } catch {
        // nearly
      }
      throw new Error("up");
    }
  };
  try {
    dig();
  } catch {
    // done
  }
  return [];
}
