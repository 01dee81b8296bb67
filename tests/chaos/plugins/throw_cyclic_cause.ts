// expect: error

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const error: any = new Error("x");
    error.cause = error;
    error.errors = [error];
    throw error;
  }
  return { title: t.id };
}
