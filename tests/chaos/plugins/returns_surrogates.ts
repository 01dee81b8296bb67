// expect: findings

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return { title: "a\ud800b", evidence: "\udfff", "\ud800": "\udc00" };
  }
  return { title: t.id };
}
