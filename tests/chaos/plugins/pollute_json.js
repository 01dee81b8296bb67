// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    JSON.stringify = () => "[]";
    JSON.parse = () => ({});
    return [];
  }
  return { title: t.id };
}
