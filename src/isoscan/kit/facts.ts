/**
 * What `isoscan check` and coverage want to know of a source file, told as lint diagnostics: Deno's
 * linter parses the file, runs nothing of it, and says where each thing stands. Each message is JSON.
 */

// deno-lint-ignore no-explicit-any
type Node = any;

/** Globals worth a word: those a permission brings, and those no plugin ever has. */
const GLOBALS = new Set(
  ("fetch WebSocket WebAssembly EventSource XMLHttpRequest WebTransport Worker SharedWorker localStorage " +
    "sessionStorage indexedDB caches process require Buffer document window navigator Deno").split(" "),
);
const GLOBAL_OBJECTS = new Set(["globalThis", "self", "window"]);
const WRAPPERS = new Set(["TSAsExpression", "TSSatisfiesExpression", "TSNonNullExpression"]);
const FUNCTIONS = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "TSDeclareFunction",
]);
const SINGLE_BODIES: Record<string, string[]> = {
  IfStatement: ["consequent", "alternate"],
  ForStatement: ["body"],
  ForInStatement: ["body"],
  ForOfStatement: ["body"],
  WhileStatement: ["body"],
  DoWhileStatement: ["body"],
};
/** Statements that do nothing when the flow comes by, or must stay where they are. */
const PASSIVE = new Set([
  "FunctionDeclaration",
  "EmptyStatement",
  "BlockStatement",
  "TSInterfaceDeclaration",
  "TSTypeAliasDeclaration",
  "TSDeclareFunction",
]);

function unwrapped(node: Node): Node {
  while (node && WRAPPERS.has(node.type)) node = node.expression;
  return node;
}

/** The text of a literal or of a template without holes. */
function constantText(node: Node): string | null {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0) return node.quasis[0].cooked;
  return null;
}

function keyName(property: Node): string | null {
  if (property.type !== "Property" || property.computed) return null;
  return property.key.type === "Identifier" ? property.key.name : String(property.key.value);
}

/** Whether an identifier names a binding here instead of using one. */
function isDeclared(node: Node): boolean {
  const parent = node.parent;
  switch (parent?.type) {
    case "VariableDeclarator":
    case "ClassDeclaration":
      return parent.id?.range[0] === node.range[0];
    case "ImportSpecifier":
    case "ImportDefaultSpecifier":
    case "ImportNamespaceSpecifier":
      return true;
    case "ArrayPattern":
    case "RestElement":
    case "CatchClause":
      return true;
    case "AssignmentPattern":
      return parent.left.range[0] === node.range[0];
    case "Property":
      return parent.parent?.type === "ObjectPattern" && parent.value.range[0] === node.range[0];
  }
  return FUNCTIONS.has(parent?.type) &&
    (parent.id?.range[0] === node.range[0] ||
      parent.params.some((param: Node) => param.range[0] === node.range[0]));
}

/** Whether an identifier is only a name after a dot, a key or part of a type. */
function isNoReference(node: Node): boolean {
  const parent = node.parent;
  if (parent?.type === "MemberExpression") {
    return !parent.computed && parent.property.range[0] === node.range[0];
  }
  if (parent?.type === "Property" || parent?.type === "MethodDefinition") {
    return !parent.computed && parent.key.range[0] === node.range[0] && !parent.shorthand;
  }
  return typeof parent?.type === "string" && parent.type.startsWith("TS") && !WRAPPERS.has(parent.type);
}

const plugin: Deno.lint.Plugin = {
  name: "kit",
  rules: {
    facts: {
      create(context): Deno.lint.LintVisitor {
        const declared = new Set<string>();
        const uses: { node: Node; name: string; isGuarded: boolean }[] = [];
        const tell = (node: Node, fact: object) =>
          context.report({ range: node.range, message: JSON.stringify(fact) });
        const tellObject = (node: Node, prefix: string) => {
          node = unwrapped(node);
          if (node?.type !== "ObjectExpression") return;
          for (const property of node.properties) {
            const name = keyName(property);
            if (name === null) continue;
            tell(property.key, { kind: "metadata", name: prefix + name });
            if (prefix + name === "permissions") tellObject(property.value, "permissions.");
          }
        };
        const visitor: Record<string, (node: Node) => void> = {
          Literal(node) {
            if (node.regex) {
              tell(node, { kind: "regex", name: node.regex.pattern, flags: node.regex.flags });
            }
          },
          "NewExpression, CallExpression"(node) {
            const callee = node.callee;
            if (callee.type === "Identifier" && callee.name === "RegExp") {
              const pattern = constantText(node.arguments[0]);
              const flags = node.arguments.length > 1 ? constantText(node.arguments[1]) : "";
              if (pattern !== null) tell(node, { kind: "regex", name: pattern, flags: flags ?? "" });
            }
          },
          "ImportDeclaration, ExportAllDeclaration, ExportNamedDeclaration"(node) {
            if (!node.source) return;
            const isType = node.importKind === "type" || node.exportKind === "type";
            tell(node.source, { kind: isType ? "type_import" : "import", name: node.source.value });
          },
          ImportExpression(node) {
            tell(node.source, { kind: "import", name: constantText(node.source) ?? "" });
          },
          VariableDeclarator(node) {
            if (node.id.type === "Identifier" && node.id.name === "metadata") tellObject(node.init, "");
          },
          "FunctionDeclaration[id.name=get_metadata] ReturnStatement"(node) {
            tellObject(node.argument, "");
          },
          MemberExpression(node) {
            const name = node.computed ? constantText(node.property) : node.property.name;
            if (node.object.type !== "Identifier" || typeof name !== "string") return;
            if (node.object.name === "isoscan") {
              uses.push({ node, name: `isoscan.${name}`, isGuarded: false });
            }
            if (GLOBAL_OBJECTS.has(node.object.name) && GLOBALS.has(name)) {
              uses.push({ node, name, isGuarded: true });
            }
          },
          Identifier(node) {
            if (isDeclared(node)) declared.add(node.name);
            else if (GLOBALS.has(node.name) && !isNoReference(node)) {
              const parent = node.parent;
              let name = node.name;
              if (name === "Deno" && parent.type === "MemberExpression" && !parent.computed) {
                name = `Deno.${parent.property.name}`;
              }
              uses.push({
                node,
                name,
                isGuarded: parent.type === "UnaryExpression" && parent.operator === "typeof",
              });
            }
          },
          "Program:exit"() {
            for (const { node, name, isGuarded } of uses) {
              if (!declared.has(name.split(".")[0])) {
                tell(node, { kind: isGuarded ? "guarded_use" : "use", name });
              }
            }
          },
        };
        return visitor as Deno.lint.LintVisitor;
      },
    },
    /** Where a counter can be put: `statement` before it, `body` and `expression` around it. */
    steps: {
      create(context): Deno.lint.LintVisitor {
        const tell = (node: Node, kind: string) =>
          context.report({
            range: node.range,
            message: JSON.stringify({ kind, name: node.type, start: node.range[0], end: node.range[1] }),
          });
        const isCounted = (node: Node) => !PASSIVE.has(node.type) && typeof node.directive !== "string";
        const visitor: Record<string, (node: Node) => void> = {
          "BlockStatement > *, SwitchCase > *"(node) {
            const parent = node.parent;
            const siblings: Node[] = parent.type === "SwitchCase" ? parent.consequent : parent.body;
            if (siblings.some((own) => own.range[0] === node.range[0]) && isCounted(node)) {
              tell(node, "statement");
            }
          },
          ArrowFunctionExpression(node) {
            if (node.body.type !== "BlockStatement") tell(node.body, "expression");
          },
        };
        for (const type of Object.keys(SINGLE_BODIES)) {
          visitor[type] = (node) => {
            for (const name of SINGLE_BODIES[type]) {
              const body = node[name];
              if (body && isCounted(body)) tell(body, "body");
            }
          };
        }
        return visitor as Deno.lint.LintVisitor;
      },
    },
  },
};

export default plugin;
