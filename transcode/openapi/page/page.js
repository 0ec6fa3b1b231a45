"use strict";

const at = document.documentElement.dataset.document;
const byId = (id) => document.getElementById(id);

// make builds an element. Text is never taken for HTML.
function make(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (value === true) e.setAttribute(key, "");
    else if (value !== false && value != null) e.setAttribute(key, value);
  }
  e.append(...children.filter((c) => c != null && c !== ""));
  return e;
}

let api;

function resolve(o) {
  while (o && o.$ref) o = o.$ref.slice(2).split("/").reduce((x, step) => x[step], api);
  return o || {};
}

const nameOf = (schema) => (schema.$ref || "").split("/").pop().split(".").pop();

function typeOf(schema) {
  if (schema.$ref) return nameOf(schema);
  if (schema.type === "array") return "list of " + typeOf(schema.items || {});
  if (schema.additionalProperties) return "map to " + typeOf(schema.additionalProperties);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.oneOf) return schema.oneOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(", ");
  return [].concat(schema.type || "anything").join(" or ") + (schema.format ? " (" + schema.format + ")" : "");
}

// inner is the schema of what has members, in lists and maps too.
function inner(schema) {
  const s = resolve(schema);
  if (s.items) return inner(s.items);
  if (s.additionalProperties) return inner(s.additionalProperties);
  return s;
}

// tree shows the members of a schema. What is below is built when it is opened, since a message may hold itself.
function tree(schema) {
  const s = inner(schema);
  if (s.enum) return make("p", { class: "quiet" }, s.enum.join(", "));
  if (s.oneOf && !s.properties) return make("div", {}, ...s.oneOf.map(tree));
  const list = make("ul", { class: "schema" });
  for (const [name, p] of Object.entries(s.properties || {})) {
    const line = [make("code", {}, name), " ", make("span", { class: "quiet" }, typeOf(p)),
      (s.required || []).includes(name) ? " required" : "", p.deprecated ? " deprecated" : "",
      p.description ? make("span", {}, " " + p.description) : ""];
    const below = inner(p);
    if (!below.properties && !below.enum) {
      list.append(make("li", {}, ...line));
      continue;
    }
    const more = make("details", { ontoggle: () => { if (more.open && more.childElementCount === 1) more.append(tree(p)); } },
      make("summary", {}, ...line));
    list.append(make("li", {}, more));
  }
  for (const choice of s.allOf || []) {
    const names = (choice.oneOf || []).flatMap((c) => c.required || []);
    if (names.length) list.append(make("li", { class: "quiet" }, "at most one of " + names.join(", ")));
  }
  return list.childElementCount ? list : make("p", { class: "quiet" }, typeOf(schema));
}

// example is a value that a schema takes, to begin with.
function example(schema, over = []) {
  const s = resolve(schema);
  if (schema.$ref && over.includes(schema.$ref)) return {};
  const below = schema.$ref ? [...over, schema.$ref] : over;
  if (s.examples) return s.examples[0];
  if (s.enum) return s.enum[0];
  if (s.anyOf) return example(s.anyOf[0], below);
  switch (s.type) {
    case "object": {
      const all = {};
      const taken = (s.allOf || []).flatMap((c) => (c.oneOf || []).flatMap((x) => x.required || []).slice(1));
      for (const [name, p] of Object.entries(s.properties || {})) {
        if (!p.readOnly && !taken.includes(name)) all[name] = example(p, below);
      }
      return all;
    }
    case "array": return [];
    case "integer": case "number": return 0;
    case "boolean": return false;
    case "string": return s.pattern ? "0" : s.format === "date-time" ? new Date(0).toISOString() : "";
  }
  return null;
}

let fields = 0;

function field(label, control, note) {
  control.id = "field-" + ++fields;
  return [make("dt", {}, make("label", { for: control.id }, ...label)), make("dd", {}, control, note ? make("p", { class: "quiet" }, note) : "")];
}

// trial makes requests of an operation.
function trial(verb, path, o) {
  const parameters = o.parameters || [];
  const controls = new Map();
  const form = make("dl");
  for (const p of parameters) {
    const s = resolve(p.schema);
    let control = make("input", { autocomplete: "off", required: p.required });
    if (s.enum) control = make("select", {}, make("option", { value: "" }, ""), ...s.enum.map((v) => make("option", {}, v)));
    controls.set(p, control);
    form.append(...field([make("code", {}, p.name), " ", make("span", { class: "quiet" }, typeOf(p.schema) + (p.required ? "" : ", optional"))],
      control, p.description));
  }
  const content = o.requestBody && Object.entries(o.requestBody.content)[0];
  let body;
  if (content) {
    body = make("textarea", { rows: 6, spellcheck: "false" });
    if (content[0] === "application/json") body.value = JSON.stringify(example(content[1].schema), null, 2);
    form.append(...field(["body ", make("span", { class: "quiet" }, content[0])], body, o.requestBody.description));
  }
  const token = make("input", { autocomplete: "off", placeholder: "Bearer …" });
  form.append(...field(["Authorization"], token));
  const said = make("p", { role: "status" });
  const out = make("pre", { tabindex: "0", hidden: true });
  let running;
  const stop = make("button", { type: "button", hidden: true, onclick: () => running.abort() }, "Stop");
  const send = async (event) => {
    event.preventDefault();
    if (running) running.abort();
    running = new AbortController();
    let query = new URLSearchParams();
    let target = path;
    for (const [p, control] of controls) {
      if (p.in === "path") {
        const open = (p.description || "").includes("Any number of segments");
        target = target.replace("{" + p.name + "}", open ? encodeURI(control.value) : encodeURIComponent(control.value));
      } else if (control.value !== "") {
        const list = resolve(p.schema).type === "array";
        for (const v of list ? control.value.split(",") : [control.value]) query.append(p.name, v.trim());
      }
    }
    if (query.size) target += "?" + query;
    const headers = {};
    if (token.value) headers.Authorization = token.value;
    if (body) headers["Content-Type"] = content[0] === "*/*" ? "application/octet-stream" : content[0];
    out.textContent = "";
    out.hidden = stop.hidden = false;
    said.textContent = verb + " " + target + " …";
    try {
      const began = performance.now();
      const answer = await fetch(target, { method: verb, headers, body: body && body.value, signal: running.signal });
      said.textContent = verb + " " + target + ": " + answer.status + " " + answer.statusText;
      said.className = answer.ok ? "" : "bad";
      const kind = answer.headers.get("Content-Type") || "";
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        out.textContent = (out.textContent + next.value).slice(-200000);
      }
      if (kind.includes("json") && !kind.includes("ndjson")) out.textContent = JSON.stringify(JSON.parse(out.textContent), null, 2);
      said.textContent += ", " + Math.round(performance.now() - began) + " ms";
    } catch (failure) {
      said.textContent += running.signal.aborted ? " stopped" : " " + failure;
      said.className = running.signal.aborted ? "" : "bad";
    }
    stop.hidden = true;
  };
  return make("form", { onsubmit: send }, form, make("div", { class: "buttons" }, make("button", { type: "submit" }, "Send"), stop), said, out);
}

function operation(verb, path, o) {
  const whole = make("details", {
    class: "operation" + (o.deprecated ? " deprecated" : ""), id: o.operationId, "data-words": [verb, path, o.operationId, o.summary, o.description].join(" ").toLowerCase(),
  }, make("summary", {}, make("span", { class: "verb " + verb.toLowerCase() }, verb), make("span", { class: "path" }, ...path.split(/(?=\/)/).flatMap((part) => [make("wbr"), part])),
    make("span", { class: "quiet" }, o.summary + (o.deprecated ? " (deprecated)" : ""))));
  whole.addEventListener("toggle", () => {
    if (!whole.open || whole.childElementCount > 1) return;
    const inside = make("div", {}, o.description ? make("p", {}, o.description) : "", trial(verb, path, o));
    const content = o.requestBody && Object.entries(o.requestBody.content)[0];
    if (content && content[1].schema) inside.append(make("h3", {}, "Body: " + typeOf(content[1].schema)), tree(content[1].schema));
    for (const [code, r] of Object.entries(o.responses)) {
      const answer = resolve(r);
      inside.append(make("h3", {}, (code === "default" ? "Error" : code) + ": " + answer.description));
      for (const [kind, c] of Object.entries(answer.content || {})) {
        inside.append(make("p", { class: "quiet" }, kind + (c.schema ? ": " + typeOf(c.schema) : "")));
        if (c.schema) inside.append(tree(c.schema));
      }
    }
    whole.append(inside);
  });
  return whole;
}

function show() {
  document.title = api.info.title;
  byId("title").textContent = api.info.title + " ";
  byId("title").append(make("small", { class: "quiet" }, api.info.version));
  byId("about").textContent = api.info.description || "";
  const main = byId("main");
  main.replaceChildren();
  main.removeAttribute("aria-live");
  for (const tag of api.tags || []) {
    const all = [];
    for (const [path, item] of Object.entries(api.paths)) {
      for (const [verb, o] of Object.entries(item)) {
        if (o.tags && o.tags.includes(tag.name)) all.push(operation(verb.toUpperCase(), path, o));
      }
    }
    main.append(make("section", {}, make("h2", {}, tag.name), tag.description ? make("p", {}, tag.description) : "", ...all));
  }
  byId("find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    for (const o of document.querySelectorAll(".operation")) o.hidden = !words.every((w) => o.dataset.words.includes(w));
    for (const s of document.querySelectorAll("section")) s.hidden = !s.querySelector(".operation:not([hidden])");
  });
  const asked = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  if (asked) { asked.open = true; asked.scrollIntoView(); }
}

fetch(at).then((r) => { if (!r.ok) throw new Error(r.status + " " + r.statusText); return r.json(); }).then((d) => { api = d; show(); })
  .catch((failure) => byId("main").replaceChildren(make("p", { class: "bad", role: "alert" }, at + " cannot be read: " + failure.message)));
