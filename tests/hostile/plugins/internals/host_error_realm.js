// Compares errors made by the host, the engine and itself.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const errors = [];
  for (
    const call of [
      () => setTimeout("x"),
      () => new URL("x"),
      () => structuredClone(() => {}),
      () => atob("*"),
      () => null.x,
    ]
  ) {
    try {
      call();
    } catch (error) {
      errors.push(error);
    }
  }
  return errors.every((error) => error instanceof Error && error.constructor.constructor === Function)
    ? []
    : { title: "BREACH" };
}
