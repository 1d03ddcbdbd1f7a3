// The page of `simpletext serve`. Texts and names go into the page as text, never as HTML.
"use strict";

const SHOWN = 10; // classes before "Show all"
const byId = (id) => document.getElementById(id);
let model = null;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function failure(response) {
  const body = await response.text();
  try {
    return JSON.parse(body).detail || body;
  } catch {
    return body || `status ${response.status}`;
  }
}

async function post(route, content) {
  const response = await fetch(route, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
  if (!response.ok) throw new Error(await failure(response));
  return response.json();
}

function question() {
  const first = byId("first").value;
  return model.pairs ? [first, byId("second").value] : first;
}

function number(value) {
  return model.shows === "probabilities" ? value.toFixed(3) : String(Number(value.toPrecision(6)));
}

function fillBars(named, chosen, all) {
  const rows = Object.entries(named).sort((a, b) => b[1] - a[1]);
  const largest = Math.max(...rows.map(([, value]) => Math.abs(value)), 1e-9);
  const scale = model.shows === "probabilities" ? 1 : largest;
  const body = byId("bars").tBodies[0];
  body.replaceChildren(...rows.slice(0, all ? rows.length : SHOWN).map(([name, value]) => {
    const row = element("tr", undefined, chosen.has(name) ? "chosen" : "");
    const head = element("th", name);
    head.scope = "row";
    head.dir = "auto";
    const bar = element("div", undefined, "bar");
    bar.style.width = `${(100 * Math.abs(value)) / scale}%`;
    const drawn = element("td");
    drawn.append(bar);
    row.append(head, drawn, element("td", number(value), "number"));
    return row;
  }));
  byId("bars").hidden = false;
  byId("more").hidden = all || rows.length <= SHOWN;
  byId("more").onclick = () => fillBars(named, chosen, true);
}

// Places are counted in characters, of which JavaScript's strings make two beyond U+FFFF.
function markEntities(target, text, entities) {
  const characters = Array.from(text);
  let at = 0;
  for (const entity of entities) {
    target.append(characters.slice(at, entity.start).join(""));
    const mark = element("mark", entity.text);
    mark.title = `${entity.label} ${entity.probability.toFixed(3)}`;
    mark.append(element("small", entity.label));
    target.append(mark);
    at = entity.end;
  }
  target.append(characters.slice(at).join(""));
}

function showPrediction(found, asked) {
  const target = byId("predicted");
  target.replaceChildren();
  target.classList.toggle("text", model.shows === "entities" || model.shows === "text");
  byId("bars").hidden = byId("more").hidden = true;
  if (model.shows === "entities") {
    markEntities(target, asked, found.predicted);
    if (!found.predicted.length) target.append(element("p", "No entities were found.", "quiet"));
  } else if (model.shows === "text") {
    target.textContent = found.predicted;
  } else {
    const several = Array.isArray(found.predicted);
    const names = (several ? found.predicted : [found.predicted]).map(String);
    const values = found.probabilities || found.values;
    const shown = model.shows === "values" ? Object.values(values).map(number) : names;
    target.textContent = shown.join(", ") || "no class";
    if (model.shows === "probabilities") fillBars(values, new Set(names), false);
    else if (Object.keys(values).length > 1) fillBars(values, new Set(Object.keys(values)), false);
  }
  byId("cut").hidden = !found.truncated;
  byId("cut").textContent = `The text is longer than ${model.maxlen} tokens; the rest wasn't read.`;
}

function coloured(text, words, largest) {
  const characters = Array.from(text);
  const shown = element("p");
  shown.dir = "auto";
  let at = 0;
  for (const word of words) {
    shown.append(characters.slice(at, word.start).join(""));
    const span = element("span", word.text);
    const share = (0.75 * Math.abs(word.weight)) / largest;
    span.style.background = `rgba(var(--${word.weight > 0 ? "for" : "against"}), ${share})`;
    span.title = word.weight.toFixed(4);
    shown.append(span);
    at = word.end;
  }
  shown.append(characters.slice(at).join(""));
  return shown;
}

function showExplanation(found) {
  const target = found.targets[0];
  const largest = Math.max(...target.words.map((word) => Math.abs(word.weight)), 1e-9);
  byId("words").replaceChildren(...found.texts.map((text, part) =>
    coloured(text, target.words.filter((word) => word.part === part), largest)));
  byId("explained").textContent =
    `Which words ${target.name} (${number(target.value)}) depends on, by ${found.method}.`;
  byId("explanation").hidden = false;
}

async function busy(button, work) {
  const answer = byId("answer");
  button.disabled = true;
  answer.setAttribute("aria-busy", "true");
  byId("problem").hidden = true;
  try {
    await work();
  } catch (error) {
    byId("problem").textContent = error.message;
    byId("problem").hidden = false;
    byId("predicted").replaceChildren();
    byId("bars").hidden = byId("more").hidden = byId("cut").hidden = true;
    byId("explanation").hidden = true;
  } finally {
    answer.hidden = false;
    answer.setAttribute("aria-busy", "false");
    button.disabled = false;
  }
}

async function predict(asked) {
  const [found] = await post("api/predict", { texts: [asked] });
  showPrediction(found, asked);
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const asked = question();
  byId("explanation").hidden = true;
  busy(byId("predict"), () => predict(asked));
});

byId("explain").addEventListener("click", () => {
  const asked = question();
  if (!byId("ask").reportValidity()) return;
  busy(byId("explain"), async () => {
    await predict(asked);
    showExplanation(await post("api/explain", { text: asked, method: byId("method").value }));
  });
});

byId("first").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("ask").requestSubmit();
});

byId("table").addEventListener("submit", async (event) => {
  event.preventDefault();
  const status = byId("table-status");
  const [file] = byId("file").files;
  const options = new URLSearchParams({ text: byId("column").value });
  if (model.pairs) options.append("text", byId("column-b").value);
  if (byId("proba").checked) options.append("proba", "true");
  if (file.name.toLowerCase().endsWith(".tsv")) options.append("sep", "\t");
  byId("upload").disabled = true;
  status.className = "";
  status.textContent = "Predicting …";
  try {
    const response = await fetch(`api/table?${options}`, { method: "POST", body: file });
    if (!response.ok) throw new Error(await failure(response));
    const link = element("a", "Download the result");
    link.href = URL.createObjectURL(await response.blob());
    link.download = resultName();
    status.replaceChildren(link);
    link.click();
  } catch (error) {
    status.className = "problem";
    status.textContent = error.message;
  } finally {
    byId("upload").disabled = false;
  }
});

function resultName() {
  return model.shows === "entities" ? "entities.jsonl" : "predicted.csv";
}

async function start() {
  const response = await fetch("api/model");
  if (!response.ok) throw new Error(await failure(response));
  model = await response.json();
  const classes = model.classes.length && !["values", "entities"].includes(model.shows)
    ? `, ${model.classes.length} classes` : "";
  const from = model.base_model ? `, fine-tuned from ${model.base_model}` : "";
  const name = model.title[0].toUpperCase() + model.title.slice(1);
  byId("title").textContent = document.title = name;
  byId("about").textContent = `Reads ${model.pairs ? "pairs of texts" : "texts"} of up to ` +
    `${model.maxlen} tokens${classes}${from}.`;
  if (model.pairs) {
    byId("first-label").textContent = "First text";
    byId("pair").hidden = byId("pair-column").hidden = false;
    byId("second").required = byId("column-b").required = true;
  }
  byId("explaining").hidden = !model.explanations.length;
  byId("method").append(...model.explanations.map((method) => element("option", method)));
  byId("with-proba").hidden = model.shows !== "probabilities";
  byId("first").maxLength = byId("second").maxLength = model.limits.characters;
  byId("returned").textContent = model.shows === "entities"
    ? "You get one line of JSON per text, with its entities."
    : "You get it back with a column named predicted.";
  byId("limits").textContent = `At most ${model.limits.table_rows} rows.`;
  const sample = model.pairs ? '[["One text.", "Another."]]' : '["One text."]';
  byId("curl").textContent = `curl ${new URL("api/predict", location.href)} \\\n` +
    `  -H 'Content-Type: application/json' -d '{"texts": ${sample}}'\n\n` +
    `curl '${new URL("api/table?text=text", location.href)}' \\\n` +
    `  --data-binary @new.csv > ${resultName()}`;
}

start().catch((error) => {
  byId("about").textContent = `The server doesn't answer: ${error.message}`;
});
