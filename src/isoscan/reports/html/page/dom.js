// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// Makes elements. Text becomes text nodes and nothing else: all of it may be hostile.

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/** Characters that act instead of being seen: controls, marks of writing direction, zero widths. */
// deno-lint-ignore no-control-regex
const ACTING = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/**
 * The text with acting characters written out. `\r\n` counts as one line end.
 * @param {string} text
 */
export function visible(text) {
  return text.replaceAll("\r\n", "\n").replace(ACTING, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x20
      ? String.fromCharCode(0x2400 + code)
      : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/**
 * @param {Element} element
 * @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {Child[]} children
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : visible(String(child)));
    }
  }
}

/**
 * An HTML element; names of attributes are the page's own, never data.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...Child} children
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  filled(element, attributes, children);
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...Child} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  filled(element, attributes, children);
  return element;
}

/**
 * A button that does something.
 * @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {() => void} action
 * @param {...Child} children
 */
export function button(attributes, action, ...children) {
  const element = el("button", { type: "button", ...attributes }, ...children);
  element.addEventListener("click", action);
  return element;
}

/**
 * A link to a public page. `url` is made by the page, never taken from data.
 * @param {string} url
 * @param {string} text
 */
export function outside(url, text) {
  return el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, text);
}

const NUMBERS = new Intl.NumberFormat("en");

/** @param {number} value */
export function number(value) {
  return NUMBERS.format(value);
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** @param {number} count */
export function bytes(count) {
  if (count < 1024) return counted(count, "byte");
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

/** @param {number} value */
export function milliseconds(value) {
  if (value >= 100_000) return `${number(Math.round(value / 1000))} s`;
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return value >= 10 ? `${Math.round(value)} ms` : `${value.toFixed(value < 1 ? 2 : 1)} ms`;
}
