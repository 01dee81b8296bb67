// expect: findings

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return JSON.parse('{"title":"x","__proto__":{"polluted":1},"constructor":{"a":1}}');
  }
  return { title: t.id };
}
