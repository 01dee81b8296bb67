// expect: clean, findings
// May report after its scan has ended; whatever it says belongs to no other scan.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    Promise.resolve().then(() => 0).then(() => 0).then(async () => {
      for (let i = 0; i < 1000; i++) await null;
      isoscan.report({ title: t.id });
    });
    return [];
  }
  return { title: t.id };
}
