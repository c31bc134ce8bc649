// A JSON Schema as something to read.

/** An element with properties and children; a child that is a string is text, never markup. */
export function el(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

/** Text in which what stands between backticks is code, and a line that begins with a dash is an item. */
export function prose(text = "") {
  const inline = (line) => line.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
  const lines = text.split("\n");
  const items = lines.filter((line) => line.startsWith("- "));
  const rest = lines.filter((line) => line && !line.startsWith("- "));
  return [
    rest.map((line) => el("p", {}, inline(line))),
    items.length ? [el("ul", {}, items.map((line) => el("li", {}, inline(line.slice(2)))))] : [],
  ].flat();
}

/** Where a type is on the page. */
export const anchor = (name) => `type-${name}`;

const nameOf = (reference) => reference.split("/").at(-1);

function joined(parts, separator) {
  return parts.flatMap((part, index) => (index ? [separator, ...part] : part));
}

/** A schema on one line: its type, a link where it has a name. */
export function type(schema = {}) {
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return [el("a", { href: `#${anchor(name)}` }, name)];
  }
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (schema.enum) return [schema.enum.map((word) => JSON.stringify(word)).join(" | ")];
  for (const [word, separator] of [["allOf", " & "], ["oneOf", " | "], ["anyOf", " | "]]) {
    if (schema[word]) {
      const parts = schema[word].map(type).filter((part) => part.length);
      if (parts.length) return joined(parts, separator);
    }
  }
  if (schema.type === "array") return ["[ ", ...type(schema.items), " ]"];
  if (schema.properties) {
    const fields = Object.entries(schema.properties).map(([name, field]) => [`${name}: `, ...type(field)]);
    return ["{ ", ...joined(fields, ", "), " }"];
  }
  // What only says which fields must be there adds no type.
  if (schema.type === "object" && schema.required) return [];
  return [[schema.type ?? "any"].flat().join(" | ")];
}

/** What a value of a schema may be, beside its type. */
function bounds(schema) {
  const words = {
    format: "", pattern: "", minLength: "at least ", maxLength: "at most ", minimum: "from ", maximum: "to ",
    minItems: "at least ", maxItems: "at most ", default: "default ",
  };
  const units = { minLength: " characters", maxLength: " characters", minItems: " items", maxItems: " items" };
  const known = Object.entries(words).filter(([word]) => word in schema);
  return known.map(([word, before]) => `${before}${schema[word]}${units[word] ?? ""}`).join(", ");
}

/** A row for each field or parameter. */
export function table(rows) {
  const row = ({ name, place, required, schema = {}, description }) =>
    el("tr", {},
      el("th", { scope: "row" }, el("code", {}, name), place ? el("small", {}, ` ${place}`) : null),
      el("td", {}, el("code", {}, type(schema))),
      el("td", {}, required ? "" : "optional"),
      el("td", {}, prose(description ?? schema.description), el("small", {}, bounds(schema))),
    );
  return el("table", {}, el("tbody", {}, rows.map(row)));
}

/** A named type: its fields, or what it is. */
export function shape(schema) {
  const isObject = schema.properties && !schema.allOf;
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => (
    { name, schema: field, required: schema.required?.includes(name) }
  ));
  return [
    prose(schema.description),
    isObject ? table(rows) : el("p", {}, el("code", {}, type(schema)), " ", el("small", {}, bounds(schema))),
    (schema.examples ?? []).map((example) => el("pre", {}, JSON.stringify(example, null, 2))),
  ].flat();
}
