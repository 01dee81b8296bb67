/** Lists the start tags of a document with their attributes; skips comments and scripts. */

export interface Tag {
  name: string;
  attributes: Map<string, string>;
  /** Text of a style element. */
  content: string;
}

export function* tags(html: string): Generator<Tag> {
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf("<", at);
    if (open < 0) return;
    if (html.startsWith("<!--", open)) {
      const close = html.indexOf("-->", open + 4);
      if (close < 0) return;
      at = close + 3;
      continue;
    }
    if (!/[a-z]/i.test(html[open + 1] ?? "")) {
      at = open + 1;
      continue;
    }
    const name = run(html, /[^\s/>]*/y, open + 1);
    const attributes = new Map<string, string>();
    at = readAttributes(html, open + 1 + name.length, attributes) + 1;
    const element = name.toLowerCase();
    let content = "";
    if (/^(?:script|style|textarea|title|xmp)$/.test(element)) {
      const closing = new RegExp(`</${element}`, "gi");
      closing.lastIndex = at;
      const end = closing.exec(html)?.index ?? html.length;
      if (element === "style") content = html.slice(at, end);
      at = end;
    }
    yield { name: element, attributes, content };
  }
}

/** Fills the map; returns the offset of the closing bracket. */
function readAttributes(
  html: string,
  from: number,
  attributes: Map<string, string>,
): number {
  let at = from;
  while (at < html.length) {
    at += run(html, /[\s/]*/y, at).length;
    if (at >= html.length || html[at] === ">") return at;
    const name = run(html, /=?[^\s/>=]*/y, at);
    at += name.length;
    const equals = run(html, /\s*=\s*/y, at);
    at += equals.length;
    let value = "";
    if (equals) {
      const quote = html[at];
      if (quote === '"' || quote === "'") {
        const end = html.indexOf(quote, at + 1);
        value = html.slice(at + 1, end < 0 ? html.length : end);
        at = end < 0 ? html.length : end + 1;
      } else {
        value = run(html, /[^\s>]*/y, at);
        at += value.length;
      }
    }
    const key = name.toLowerCase();
    // The first of two equal attributes counts.
    if (!attributes.has(key)) attributes.set(key, value.replaceAll("&amp;", "&"));
  }
  return at;
}

function run(html: string, pattern: RegExp, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(html)?.[0] ?? "";
}
