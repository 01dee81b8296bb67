/** The work of the seed's two plugins, the same for both: is a request parameter echoed in the page? */

export interface Plain {
  id: string;
  url: string;
  headers: Record<string, string>;
  status: number;
  body: string;
}

export function check(transaction: Plain): { title: string; evidence: string } | undefined {
  const term = /[?&]q=([^&]+)/.exec(transaction.url)?.[1];
  if (term === undefined || transaction.status !== 200) return undefined;
  if (!transaction.body.includes(`<b>${term}</b>`)) return undefined;
  return { title: "A search term is echoed", evidence: term };
}
