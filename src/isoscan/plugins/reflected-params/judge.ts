/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

import { type Context, type ScriptState, scriptStates } from "./html.ts";
import { META, type Reflection } from "./match.ts";

/** What a reflection means in the place where it stands. */
export interface Judgement {
  place: string;
  severity: IsoscanSeverity;
  confidence: IsoscanConfidence;
  why: string;
}

/** Whether a value without metacharacters is unlikely to be the page's own. */
function isDistinctive(value: string): boolean {
  if (value.length < 8) return false;
  return !/^[a-z]+$/i.test(value) || value.length >= 14;
}

/** What a reflection proves or suggests, or null when its encoding fits. */
export function judge(
  value: string,
  reflection: Reflection,
  context: Context,
  text: string,
  request: IsoscanRequest,
): Judgement | null {
  const { raw } = reflection;
  switch (context.kind) {
    case "text":
      return raw.has("<")
        ? proven(
          "HTML text",
          "The < came back as it was sent, so markup in the value becomes markup of the page.",
          /<[a-z/!]/i.test(value),
        )
        : null;
    case "rcdata":
      return raw.has("<")
        ? proven(
          "the text of a title or textarea",
          "The < came back as it was sent, so the value can close the element.",
          value.includes("</"),
        )
        : null;
    case "style":
      return raw.has("<")
        ? proven(
          "a style element",
          "The < came back as it was sent, so the value can close the element.",
          value.includes("</"),
        )
        : null;
    case "comment":
      return raw.has(">")
        ? proven(
          "a comment",
          "The > came back as it was sent, so the value can end the comment.",
          /--!?>/.test(value),
        )
        : null;
    case "tag":
      return ['"', "'", "=", ">"].some((char) => raw.has(char))
        ? proven("a tag", "The value stands among the attributes and can add its own.", true)
        : null;
    case "data":
      return raw.has("<") && /<\/script|<!--/i.test(value)
        ? proven("a data script", "The value can close the script element.", true)
        : null;
    case "attribute":
      return judgeAttribute(value, reflection, context, request);
    case "script":
      return judgeScript(value, reflection, context.state, text);
  }
}

function proven(place: string, why: string, isSure: boolean): Judgement {
  return { place, why, severity: "high", confidence: isSure ? "high" : "medium" };
}

const URL_ATTRIBUTES = new Set(["href", "src", "action", "formaction", "data", "xlink:href"]);

function judgeAttribute(
  value: string,
  reflection: Reflection,
  context: Context & { kind: "attribute" },
  request: IsoscanRequest,
): Judgement | null {
  const { raw, entity } = reflection;
  const { quote, name, before } = context;
  if (quote && raw.has(quote)) {
    return proven(
      "a quoted attribute",
      "The quote came back as it was sent, so the value can end the attribute and add others.",
      true,
    );
  }
  const breaks = [...raw].some((char) => char === ">" || /\s/.test(char));
  if (!quote && breaks) {
    return proven(
      "an unquoted attribute",
      "The attribute has no quotes, so a space or > in the value ends it.",
      true,
    );
  }
  if (/^on[a-z]+$/.test(name)) {
    // The browser decodes entities before it runs the handler.
    const code = decodeEntities(before);
    const [state] = scriptStates(code, [code.length]);
    const ends = state === "code" || state === "comment" ? ["(", ";"] : [state];
    return ends.some((char) => raw.has(char) || entity.has(char))
      ? proven(
        "an event handler",
        "Entities are decoded before the handler runs, so the value can leave its string.",
        true,
      )
      : null;
  }
  if (URL_ATTRIBUTES.has(name) && before.trim() === "") {
    return judgeUrl(value, context, request);
  }
  if (!quote && isDistinctive(value)) {
    return {
      place: "an unquoted attribute",
      severity: "low",
      confidence: "medium",
      why: "The attribute has no quotes; the value sent held nothing that would have ended it.",
    };
  }
  return null;
}

function judgeUrl(
  value: string,
  context: Context & { kind: "attribute" },
  request: IsoscanRequest,
): Judgement | null {
  const place = "a URL attribute";
  if (/^\s*(?:javascript|vbscript)\s*:/i.test(value)) {
    return proven(place, "The value decides the scheme, and a script scheme was accepted.", true);
  }
  const isLoaded = /^(?:script|iframe|frame|object|embed)$/.test(context.element);
  if (!isLoaded || !/^\s*(?:(?:https?:)?\/\/|data:)/i.test(value)) return null;
  const target = URL.parse(value.trim(), request.url);
  const own = URL.parse(request.url);
  if (!target || !own || target.host === own.host) return null;
  return proven(place, "The value decides from where the page loads active content.", false);
}

function judgeScript(
  value: string,
  reflection: Reflection,
  state: ScriptState,
  text: string,
): Judgement | null {
  const { raw, start, end } = reflection;
  const place = "a script";
  if (raw.has("<") && /<\/script/i.test(value)) {
    return proven(place, "The value can close the script element.", true);
  }
  const ends = state === "`" ? ["`", "$"] : state === "code" ? ["(", ";", "=", "'", '"'] : [state];
  const isOpen = state === "comment"
    ? [...raw].some((char) => char === "\n")
    : ends.some((char) => raw.has(char));
  if (isOpen) {
    return {
      place,
      severity: "high",
      confidence: "medium",
      why: state === "code"
        ? "The value stands in the code itself and kept characters that are code."
        : "The character that ends the string came back as it was sent.",
    };
  }
  // Only a whole literal that equals the value speaks for a copy of it.
  const isWhole = state === text[start - 1] && text[end] === state;
  const isBare = state === "code" && /[=(:,]\s?$/.test(text.slice(start - 2, start));
  const isEncoded = [...value].some((char) => META.test(char) && !/\s/.test(char) && !raw.has(char));
  if (isEncoded || !isDistinctive(value) || !(isWhole || isBare)) return null;
  return {
    place,
    severity: "low",
    confidence: "low",
    why: "The value sent held nothing that would have ended the string, so the encoding is not shown.",
  };
}

const ENTITIES: Record<string, string> = { quot: '"', apos: "'", amp: "&", lt: "<", gt: ">" };

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|(quot|apos|amp|lt|gt));?/gi,
    (_, decimal, hex, name) =>
      name
        ? ENTITIES[name.toLowerCase()]
        : String.fromCharCode(decimal ? Number(decimal) : parseInt(hex, 16)),
  );
}
