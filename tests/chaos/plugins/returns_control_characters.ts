// expect: findings

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return { title: "\u001b[2J\u0000\u202e", evidence: "\r\n[1,0,[1],0]" };
  }
  return { title: t.id };
}
