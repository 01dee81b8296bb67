// The contract's transaction for engines that have no host of isoscan, as lean as it can be.
// A classic script: engines without modules evaluate it, Node and Deno run it the same way.
// `benchPlugins` gets the plugins' functions; the rest is called by a contender.
(() => {
  const utf8 = typeof TextDecoder === "undefined" ? null : new TextDecoder();
  const own = Object.prototype.hasOwnProperty;

  class Message {
    constructor(pairs, contentType, timestamp, bodyLength, content) {
      this.rawHeaders = pairs;
      this.content_type = contentType;
      this.timestamp = timestamp;
      this.bodyLength = bodyLength;
      this.#content = content;
    }
    #content;
    #headers;
    get headers() {
      if (this.#headers !== undefined) return this.#headers;
      const headers = {};
      for (const [name, value] of this.rawHeaders) {
        const key = name.toLowerCase();
        if (!own.call(headers, key)) headers[key] = value;
        else headers[key] += (key === "set-cookie" ? "\n" : ", ") + value;
      }
      return this.#headers = headers;
    }
    get body() {
      if (typeof this.#content !== "string") return this.#content;
      return Uint8Array.from(unescape(encodeURIComponent(this.#content)), (char) => char.charCodeAt(0));
    }
    text() {
      if (typeof this.#content !== "string") this.#content = utf8.decode(this.#content);
      return this.#content;
    }
  }

  class Request extends Message {
    constructor(head, content) {
      super(head[3], head[4], head[6], head[8], content);
      this.id = head[0];
      this.method = head[1];
      this.url = head[2];
      this.is_https = head[5];
      this.was_edited = head[7];
      this.#query = head[9];
    }
    #query;
    get query_params() {
      return this.#query ??= Object.fromEntries(new URLSearchParams(/\?([^#]*)/.exec(this.url)?.[1] ?? ""));
    }
  }

  class Response extends Message {
    constructor(head, content) {
      super(head[2], head[3], head[4], head[5], content);
      this.request_id = head[0];
      this.status = head[1];
    }
  }

  globalThis.benchPlugins = [];

  /** `heads` is JSON of `[request, response]` rows; `bodies` holds those that are not empty, in order. */
  globalThis.benchTransactions = (heads, bodies) => {
    let at = 0;
    return JSON.parse(heads).map(([request, response]) => ({
      id: request[0],
      request: new Request(request, request[8] > 0 ? bodies[at++] : ""),
      response: response && new Response(response, response[5] > 0 ? bodies[at++] : ""),
    }));
  };

  /** Each plugin's findings on each transaction as JSON: per transaction null, or a list per plugin. */
  globalThis.benchScan = (heads, ...bodies) => {
    const plugins = globalThis.benchPlugins;
    const rows = [];
    for (const transaction of globalThis.benchTransactions(heads, bodies)) {
      let row = null;
      for (let i = 0; i < plugins.length; i++) {
        const found = plugins[i](transaction);
        if (found === undefined || found === null || found.length === 0) continue;
        if (typeof found.then === "function") throw new TypeError("this contender runs no async plugin");
        row ??= plugins.map(() => []);
        row[i] = Array.isArray(found) ? found : [found];
      }
      rows.push(row);
    }
    return JSON.stringify(rows);
  };
})();
