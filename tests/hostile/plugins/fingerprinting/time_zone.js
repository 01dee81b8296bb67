// Reads the machine's time zone and language off dates and numbers.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const { timeZone, locale } = Intl.DateTimeFormat().resolvedOptions();
  const offset = new Date(2026, 6, 1).getTimezoneOffset();
  const isBland = offset === 0 && /^(UTC|Etc\/|GMT)/.test(timeZone) && locale === "en-US";
  return isBland ? [] : { title: `BREACH ${timeZone} ${locale} ${offset}` };
}
