// Starts timers where the stack is nearly full, so that the host might lose track of them.
// expect: error, clean, findings, timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const dig = () => {
    try {
      dig();
    } catch {
      setInterval(() => isoscan.report({ title: "BREACH untracked timer" }), 1);
    }
  };
  try {
    dig();
  } catch {
    // the timer could not be started
  }
}
