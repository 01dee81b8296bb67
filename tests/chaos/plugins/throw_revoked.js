// expect: error
// A revoked proxy.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy;
  }
  return { title: t.id };
}
