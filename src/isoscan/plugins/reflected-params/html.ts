/** Tells in which syntax of an HTML document an offset lies. One pass, no tree. */

export type ScriptState = "code" | '"' | "'" | "`" | "comment";

export type Context =
  | { kind: "text" | "comment" | "style" | "rcdata" | "tag" | "data" }
  | { kind: "script"; state: ScriptState }
  | {
    kind: "attribute";
    element: string;
    name: string;
    quote: '"' | "'" | "";
    /** What stands between the opening quote and the offset. */
    before: string;
  };

const RAW_TEXT = new Set([
  "script",
  "style",
  "textarea",
  "title",
  "xmp",
  "iframe",
  "noembed",
  "noframes",
]);

/** The context of each offset; `offsets` must be sorted. */
export function contextsAt(html: string, offsets: number[]): Context[] {
  return new Walker(html, offsets).walk();
}

class Walker {
  private readonly found: Context[] = [];

  constructor(
    private readonly html: string,
    private readonly offsets: number[],
  ) {}

  walk(): Context[] {
    const { html } = this;
    let from = 0;
    while (!this.isDone()) {
      const open = html.indexOf("<", from);
      if (open < 0) break;
      const next = html[open + 1] ?? "";
      if (html.startsWith("<!--", open)) {
        this.mark(open, { kind: "text" });
        const close = this.indexOf("-->", open + 4);
        this.mark(close, { kind: "comment" });
        from = close + 3;
      } else if (/[a-zA-Z]/.test(next)) {
        this.mark(open, { kind: "text" });
        from = this.element(open);
      } else if (next === "/" || next === "!" || next === "?") {
        this.mark(open, { kind: "text" });
        const close = this.indexOf(">", open);
        this.mark(close, { kind: "tag" });
        from = close + 1;
      } else {
        from = open + 1;
      }
    }
    this.mark(html.length, { kind: "text" });
    return this.found;
  }

  private isDone(): boolean {
    return this.found.length === this.offsets.length;
  }

  /** Gives the context to all open offsets up to and including `last`. */
  private mark(last: number, context: Context): void {
    while (!this.isDone() && this.offsets[this.found.length] <= last) {
      this.found.push(context);
    }
  }

  private indexOf(needle: string, from: number): number {
    const index = this.html.indexOf(needle, from);
    return index < 0 ? this.html.length : index;
  }

  /** Walks a start tag and the raw text behind it; returns where to go on. */
  private element(open: number): number {
    const { html } = this;
    const name = this.run(/[^\s/>]*/y, open + 1);
    let at = open + 1 + name.length;
    const element = name.toLowerCase();
    let type = "";
    while (at < html.length && html[at] !== ">") {
      at += this.run(/[\s/]*/y, at).length;
      if (at >= html.length || html[at] === ">") break;
      const attribute = this.run(/=?[^\s/>=]*/y, at).toLowerCase();
      at += attribute.length;
      this.mark(at - 1, { kind: "tag" });
      const equals = this.run(/\s*=\s*/y, at);
      if (!equals) continue;
      at += equals.length;
      this.mark(at - 1, { kind: "tag" });
      const first = html[at];
      const quote = first === '"' || first === "'" ? first : "";
      const start = quote ? at + 1 : at;
      const end = quote ? this.indexOf(quote, start) : start + this.run(/[^\s>]*/y, start).length;
      this.markAttribute(start, end, element, attribute, quote);
      if (attribute === "type") type = html.slice(start, end).toLowerCase();
      at = quote ? end + 1 : end;
    }
    this.mark(at, { kind: "tag" });
    const content = at + 1;
    if (!RAW_TEXT.has(element)) return content;
    const closing = new RegExp(`</${element}`, "gi");
    closing.lastIndex = content;
    const end = closing.exec(html)?.index ?? html.length;
    if (element === "script" && isCode(type)) this.markScript(content, end);
    else {
      const kind = element === "script" ? "data" : element === "style" ? "style" : "rcdata";
      this.mark(end, { kind });
    }
    return end;
  }

  private run(pattern: RegExp, at: number): string {
    pattern.lastIndex = at;
    return pattern.exec(this.html)?.[0] ?? "";
  }

  private markAttribute(
    start: number,
    end: number,
    element: string,
    name: string,
    quote: '"' | "'" | "",
  ): void {
    while (!this.isDone() && this.offsets[this.found.length] <= end) {
      const offset = this.offsets[this.found.length];
      const before = this.html.slice(start, Math.max(start, offset));
      this.found.push({ kind: "attribute", element, name, quote, before });
    }
  }

  private markScript(start: number, end: number): void {
    const inside: number[] = [];
    for (const offset of this.offsets.slice(this.found.length)) {
      if (offset > end) break;
      inside.push(offset - start);
    }
    for (const state of scriptStates(this.html.slice(start, end), inside)) {
      this.found.push({ kind: "script", state });
    }
  }
}

function isCode(type: string): boolean {
  return /^$|javascript|ecmascript|module|babel/.test(type);
}

/** Whether each offset of a script lies in a string, a comment or code. */
export function scriptStates(code: string, offsets: number[]): ScriptState[] {
  const states: ScriptState[] = [];
  const mark = (last: number, state: ScriptState) => {
    while (states.length < offsets.length && offsets[states.length] <= last) {
      states.push(state);
    }
  };
  let at = 0;
  // What stood before a slash tells a division from a regular expression.
  let previous = "";
  while (states.length < offsets.length && at < code.length) {
    const char = code[at];
    mark(at, "code");
    if (char === '"' || char === "'" || char === "`") {
      const end = stringEnd(code, at + 1, char);
      mark(end, char);
      at = end + 1;
      previous = char;
    } else if (code.startsWith("//", at) || code.startsWith("/*", at)) {
      const stop = code[at + 1] === "/" ? "\n" : "*/";
      const end = code.indexOf(stop, at + 2);
      mark(end < 0 ? code.length : end, "comment");
      at = end < 0 ? code.length : end + stop.length;
    } else if (char === "/" && /^[(,=:[!&|?{};+\n]?$/.test(previous)) {
      at = expressionEnd(code, at + 1) + 1;
      previous = "/";
    } else {
      if (!/\s/.test(char)) previous = char;
      at++;
    }
  }
  mark(Infinity, "code");
  return states;
}

function stringEnd(code: string, from: number, quote: string): number {
  for (let at = from; at < code.length; at++) {
    if (code[at] === "\\") at++;
    else if (code[at] === quote) return at;
    else if (code[at] === "\n" && quote !== "`") return at;
  }
  return code.length;
}

function expressionEnd(code: string, from: number): number {
  let isClass = false;
  for (let at = from; at < code.length; at++) {
    const char = code[at];
    if (char === "\\") at++;
    else if (char === "\n") return at;
    else if (char === "[") isClass = true;
    else if (char === "]") isClass = false;
    else if (char === "/" && !isClass) return at;
  }
  return code.length;
}
