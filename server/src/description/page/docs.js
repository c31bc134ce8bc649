// The page: reads both documents and lays them out. Nothing here knows a route, an event or a type.

import { anchor, el, prose, shape, table, type } from "./shape.js";

const main = document.querySelector("main");
const contents = document.querySelector("nav");
const state = document.querySelector("#state");

/** What a JSON pointer of the document names. */
const at = (whole, reference) => reference.slice(2).split("/").reduce((value, key) => value[key.replaceAll("~1", "/").replaceAll("~0", "~")], whole);
const whole = (document, value) => (value?.$ref ? at(document, value.$ref) : value);

function section(id, title, ...children) {
  contents.append(el("a", { href: `#${id}` }, title));
  main.append(el("section", { id }, el("h2", {}, title), ...children));
}

/** Something that opens. */
function fold(id, summary, ...children) {
  return el("details", { id }, el("summary", {}, summary), ...children);
}

/** What a request or an answer carries. */
function bodies(content = {}) {
  return Object.entries(content).map(([media, { schema }]) => el("p", {}, el("small", {}, `${media} `), el("code", {}, type(schema))));
}

function operation(document, path, method, told) {
  const parameters = (told.parameters ?? []).map((parameter) => {
    const { name, in: place, required, schema, description } = whole(document, parameter);
    return { name, place, required, schema, description };
  });
  const who = (told.security ?? document.security).map((one) => Object.keys(one).join(" and ") || "nobody in particular");
  const answers = Object.entries(told.responses).map(([status, answer]) => {
    const { description, content } = whole(document, answer);
    return el("div", { className: "answer" }, el("strong", {}, status), el("div", {}, prose(description), bodies(content)));
  });
  return fold(
    told.operationId,
    [el("b", { className: "method" }, method.toUpperCase()), " ", el("code", {}, path), " ", told.summary],
    ...prose(told.description),
    el("p", {}, `Signed in by: ${who.join(", ") || "nobody; it is open"}.`),
    parameters.length ? el("h4", {}, "Parameters") : null,
    parameters.length ? table(parameters) : null,
    told.requestBody ? el("h4", {}, told.requestBody.required ? "Body" : "Body, optional") : null,
    ...bodies(told.requestBody?.content),
    el("h4", {}, "Answers"),
    ...answers,
  );
}

function http(document) {
  const all = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, told]) => ({ path, method, told })));
  for (const { name, description } of document.tags) {
    const own = all.filter(({ told }) => told.tags.includes(name));
    section(`tag-${name}`, name, ...prose(description), ...own.map(({ path, method, told }) => operation(document, path, method, told)));
  }
}

function events(document) {
  const operations = Object.values(document.operations);
  for (const [id, channel] of Object.entries(document.channels)) {
    const messages = Object.entries(channel.messages).map(([key, message]) => {
      const pointer = `#/channels/${id}/messages/${key}`;
      const by = operations.find((one) => one.messages.some((known) => known.$ref === pointer));
      const direction = { send: "server → client", receive: "client → server" }[by?.action] ?? "answer";
      return fold(
        `${id}-${key}`,
        [el("b", { className: "method" }, direction), " ", el("code", {}, message.name ?? key), " ", message.summary],
        el("p", {}, el("code", {}, type(message.payload))),
        by?.reply ? el("p", {}, "Answered with ", el("code", {}, type(at(document, by.reply.messages[0].$ref).payload))) : null,
        ...(message.examples ?? []).map(({ payload }) => el("pre", {}, JSON.stringify(payload, null, 2))),
      );
    });
    section(`channel-${id}`, channel.title, el("p", {}, el("code", {}, channel.address)), ...prose(channel.description), ...messages);
  }
}

function types(schemas) {
  const named = Object.entries(schemas).sort(([one], [other]) => one.localeCompare(other));
  section("types", "types", ...named.map(([name, schema]) => fold(anchor(name), el("code", {}, name), ...shape(schema))));
}

/** Opens what the address names. */
function reveal() {
  const named = document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) named.open = true;
  named?.scrollIntoView();
}

async function read(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

try {
  const [openapi, asyncapi] = await Promise.all([read("/openapi.json"), read("/asyncapi.json")]);
  document.querySelector("#version").textContent = openapi.info.version;
  main.append(...prose(openapi.info.description));
  http(openapi);
  events(asyncapi);
  types({ ...asyncapi.components.schemas, ...openapi.components.schemas });
  state.remove();
  addEventListener("hashchange", reveal);
  reveal();
} catch (error) {
  state.textContent = `The documents can't be read: ${error.message}`;
}
