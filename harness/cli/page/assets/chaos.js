// The page: asks once a second what is so, draws it, and says what somebody wants. Text only ever goes in as text.
"use strict";

const ASK_MS = 1000;
const ASK_LIMIT_MS = 8000;
const SHOWN_EVENTS = 200;
const LATENCY = ["p50", "p99"];
const NOT_WELL = ["unknown", "failed", "degraded"];
const $ = (id) => document.getElementById(id);

const seen = { revision: 0, number: 0, seconds: new Map(), events: [], windows: [], now: 0, whole: 0, signatures: {} };
let known = null;

// ---- what is made

function el(name, attributes = {}, ...inside) {
  const found = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") found.addEventListener("click", value);
    else if (value === true) found.setAttribute(key, "");
    else if (value !== false && value !== null) found.setAttribute(key, value);
  }
  found.append(...inside);
  return found;
}

function svg(name, attributes = {}, text = "") {
  const found = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  found.textContent = text;
  return found;
}

// Made anew only when it has changed, and whoever had the focus in it keeps it.
function fill(parent, rows, signature) {
  const text = JSON.stringify(signature);
  if (seen.signatures[parent.id || parent.parentElement.id] === text) return;
  seen.signatures[parent.id || parent.parentElement.id] = text;
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  parent.replaceChildren(...rows());
  if (focused === null || focused === undefined) return;
  const again = parent.querySelector(`[data-key="${CSS.escape(focused)}"]:enabled`);
  (again || $("force-head")).focus();
}

// ---- words

const plain = (number, digits = 0) => number.toLocaleString("en", { maximumFractionDigits: digits });
const ms = (value) => (value === null ? "–" : value >= 1000 ? `${plain(value / 1000, 2)} s` : `${plain(value, value < 10 ? 1 : 0)} ms`);
const percent = (part) => (part > 0 && part < 0.001 ? "< 0.1 %" : `${plain(part * 100, part < 0.1 ? 1 : 0)} %`);
const total = (row) => row.ok + row.degraded + row.failed + row.unknown;
const share = (row, name) => (total(row) ? row[name] / total(row) : 0);
const second = (t) => `${plain(t, 1)} s`;

// ---- what is asked and said

async function ask(path, said) {
  const options = { signal: AbortSignal.timeout(said ? 90000 : ASK_LIMIT_MS), headers: { Accept: "application/json" } };
  if (said) Object.assign(options, { method: "POST", body: JSON.stringify(said) });
  const answer = await fetch(path, options);
  const text = await answer.text();
  let told;
  try { told = JSON.parse(text); } catch { told = { error: text.trim() || `status ${answer.status}` }; }
  if (!answer.ok) throw new Error(told.error || `status ${answer.status}`);
  return told;
}

function show(id, lines) {
  const box = $(id);
  $("said").hidden = $("alert").hidden = true;
  box.replaceChildren(...lines.map((each) => el("p", {}, each)));
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

async function act(button, path, said, done) {
  const had = document.activeElement === button;
  button.disabled = true;
  try {
    const { told } = await ask(path, said);
    const bad = told.filter((each) => !each.good);
    const lines = told.flatMap((each) => [each.says, each.evidence].filter(Boolean));
    show(bad.length ? "alert" : "said", lines.length ? lines : [done]);
  } catch (error) {
    show("alert", [error.name === "TimeoutError" ? "no answer came in time: look at what is in force" : error.message]);
  }
  button.disabled = false;
  if (had && button.isConnected) button.focus();
  poll();
}

// ---- the form

const faultNow = () => known.faults.find((each) => each.name === $("fault").value);

function options(names) { return names.map((each) => el("option", { value: each }, each)); }

function offerFaults() {
  const group = (label, on) => el("optgroup", { label }, ...options(known.faults.filter((each) => each.on === on).map((each) => each.name)));
  $("fault").replaceChildren(group("on an edge", "edge"), group("to an instance", "instance"));
}

function offerTargets() {
  const before = $("target").value;
  const group = (label, names) => (names.length ? [el("optgroup", { label }, ...options(names))] : []);
  const edge = faultNow().on === "edge";
  $("target").replaceChildren(
    ...(edge ? group("edges", known.edges.map((each) => each.name)) : group("instances", known.instances.map((each) => each.name))),
    ...group(edge ? "zones: all that leads there" : "zones: all instances", known.zones),
    ...(edge ? group("between two instances", known.lines) : []),
  );
  if ([...$("target").options].some((each) => each.value === before)) $("target").value = before;
}

function field(each) {
  const id = `takes-${each.name}`;
  const hint = [each.hint, each.choices.length || !each.default ? "" : `else ${each.default.slice(0, 30)}`].filter(Boolean).join("; ");
  const input = each.choices.length
    ? el("select", { id, name: each.name }, ...options(each.choices))
    : el("input", { id, name: each.name, placeholder: each.needed ? "" : each.default.slice(0, 30), "aria-required": each.needed });
  if (each.choices.length && each.default) input.value = each.default;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  const label = el("label", { for: id }, each.name.replaceAll("_", " ") + (each.needed ? " (needed)" : ""));
  return el("div", { class: "pair" }, label, input, ...(hint ? [el("p", { class: "hint", id: `${id}-hint` }, hint)] : []));
}

function offerFields() {
  const fault = faultNow();
  $("fault-says").textContent = fault.says;
  $("fields").replaceChildren(...fault.takes.map(field));
  $("takes").hidden = !fault.takes.length;
}

function choose(target, on) {
  if (faultNow().on !== on) {
    $("fault").value = known.faults.find((each) => each.on === on).name;
    offerFields();
  }
  offerTargets();
  $("target").value = target;
  $("fault").focus();
  $("inject").scrollIntoView({ block: "nearest" });
}

function attributes() {
  const found = {};
  for (const each of faultNow().takes) {
    const value = $(`takes-${each.name}`).value.trim();
    if (value && !(each.choices.length && value === each.default)) found[each.name] = value;
  }
  return found;
}

// ---- the charts

function nice(most) {
  const step = 10 ** Math.floor(Math.log10(most / 3));
  const wide = [1, 2, 5, 10].map((each) => each * step).find((each) => most / each <= 4) || step * 10;
  return Array.from({ length: Math.ceil(most / wide) + 1 }, (_, index) => index * wide);
}

function frame(id, rows, most, label) {
  const box = $(id);
  const [width, height, left, right, top, bottom] = [Math.max(box.clientWidth, 200), 170, 46, 6, 16, 20];
  const ticks = nice(most);
  const from = seen.now - Number($("span").value) > 0 ? seen.now - Number($("span").value) : 0;
  const to = Math.max(seen.now, from + 20);
  const x = (t) => left + ((t - from) / (to - from)) * (width - left - right);
  const y = (value) => height - bottom - (value / ticks.at(-1)) * (height - top - bottom);
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": `${id}-words` });
  seen.windows.forEach((each, index) => {
    const [start, end] = [Math.max(each.start, from), Math.min(each.end === null ? to : each.end, to)];
    if (end <= start) return;
    const place = { x: x(start), y: top, width: Math.max(x(end) - x(start), 1), height: height - top - bottom };
    chart.append(svg("rect", { ...place, class: "fault" }), svg("rect", { ...place, class: "fault-tile" }));
    chart.append(svg("text", { x: x(start) + 1, y: top - 4, class: "at-fault" }, String(index + 1)));
  });
  for (const tick of ticks) {
    chart.append(svg("path", { d: `M${left} ${y(tick)}H${width - right}`, class: tick ? "grid" : "axis" }));
    chart.append(svg("text", { x: left - 5, y: y(tick) + 4, "text-anchor": "end" }, label(tick)));
  }
  const wide = nice(to - from)[1];
  for (let t = Math.ceil(from / wide) * wide; t <= to; t += wide) {
    chart.append(svg("text", { x: Math.min(x(t), width - 14), y: height - 5, "text-anchor": "middle" }, `${plain(t)} s`));
  }
  box.replaceChildren(chart);
  return { chart, x, y, rows: rows.filter((each) => each.t >= from && each.t < seen.whole) };
}

function curve(part, kind, value) {
  let path = "", open = false;
  for (const row of part.rows) {
    const found = value(row);
    path += found === null ? "" : `${open ? "L" : "M"}${part.x(row.t + 0.5).toFixed(1)} ${part.y(found).toFixed(1)}`;
    open = found !== null;
  }
  part.chart.append(svg("path", { d: path || "M0 0", class: `line ${kind}` }));
}

function draw() {
  const rows = [...seen.seconds.values()].sort((a, b) => a.t - b.t);
  const recent = rows.filter((each) => each.t >= seen.now - Number($("span").value));
  const latency = frame("latency", rows, Math.max(10, ...recent.map((each) => each.p99 || 0)), ms);
  curve(latency, "p50", (each) => each.p50);
  curve(latency, "p99", (each) => each.p99);

  const bad = Math.max(0.05, ...recent.filter(total).map((each) => 1 - share(each, "ok")));
  const shares = frame("shares", rows, Math.min(bad, 1), percent);
  for (const row of shares.rows) {
    let base = 0;
    for (const name of NOT_WELL) {
      const part = share(row, name);
      if (!part) continue;
      const place = { x: shares.x(row.t), width: Math.max(shares.x(row.t + 1) - shares.x(row.t) - 0.5, 1) };
      const height = shares.y(base) - shares.y(base + part);
      shares.chart.append(svg("rect", { ...place, y: shares.y(base + part), height, class: `box ${name === "unknown" ? "lost" : name}` }));
      base += part;
    }
  }

  const rates = frame("rates", rows, Math.max(5, ...recent.map((each) => Math.max(each.asked, total(each)))), (each) => plain(each, 1));
  curve(rates, "all", (each) => each.asked);
  curve(rates, "good", (each) => total(each));
}

// ---- what is so

function tell(state) {
  const running = state.phase === "running";
  const left = running ? `, ${plain(state.left_s)} s to go` : "";
  const words = {
    starting: "The system is being brought up.",
    running: `Under load (${state.part || "about to begin"}${left}).`,
    ending: "The load is over; what there is is judged, and everything is stopped.",
    ended: `The run has ended: ${state.verdict}. Its report is there.`,
  };
  $("status").replaceChildren(el("strong", {}, words[state.phase]), ` Second ${plain(state.now)} of the run.`);
  $("report").hidden = !state.report;
  if (state.phase !== seen.phase && seen.phase) {
    $("live").textContent = words[state.phase];
    if (!running) $("said").hidden = true;
  }
  seen.phase = state.phase;
  for (const id of ["heal-all", "stop", "finish"]) $(id).disabled = !running;
  for (const each of document.querySelectorAll("form button[type=submit], #edges button, #instances button")) each.disabled = !running;
  const asked = state.users ? `${state.users} closed users` : `${plain(state.rate, 1)} journeys a second`;
  $("load-words").textContent = running ? `Asked for now: ${asked}. A change takes the place of the profile from the next whole second on.` : "There is none.";
}

function tellNow(state) {
  const row = state.lately;
  const tile = (name, value, bad) => el("div", bad ? { class: "bad" } : {}, el("dt", {}, name), el("dd", {}, value));
  const some = total(row) > 0;
  const part = (name) => (some ? percent(share(row, name)) : "–");
  $("now").replaceChildren(
    tile("p50", ms(row.p50)), tile("p99", ms(row.p99)), tile("well", part("ok")),
    tile("degraded", part("degraded"), row.degraded > 0), tile("failed", part("failed"), row.failed > 0),
    tile("unknown", part("unknown"), row.unknown > 0), tile("ended a second", plain(total(row) / 10, 1)),
  );
  const lately = "in the last 10 seconds";
  $("latency-words").textContent = some ? `p50 ${ms(row.p50)}, p99 ${ms(row.p99)} ${lately}` : `nobody was served ${lately}`;
  $("shares-words").textContent = some ? `degraded ${part("degraded")}, failed ${part("failed")}, unknown ${part("unknown")} ${lately}` : `no journey ended ${lately}`;
  $("rates-words").textContent = `${plain(state.rate, 1)} asked for now, ${plain(total(row) / 10, 1)} a second ended ${lately}`;
}

function tellForce(state) {
  $("force").hidden = !state.in_force.length;
  $("force-none").hidden = state.in_force.length > 0;
  fill($("force").tBodies[0], () => state.in_force.map((each) => {
    const heal = el("button", { type: "button", class: "small", "data-key": each.id, "aria-label": `Heal ${each.what}` }, "Heal");
    heal.addEventListener("click", () => act(heal, "/chaos/heal", { injection: each.id }, "it was off already"));
    return el("tr", {}, el("th", { scope: "row" }, each.what), el("td", {}, new Date(each.until).toLocaleTimeString()), el("td", {}, heal));
  }), state.in_force);
}

function tellPlaces(state) {
  const broken = (place) => state.in_force.filter((each) => each.place === place).map((each) => each.what.split(" under ").at(-1));
  const row = (name, middle, told, on) => {
    const button = el("button", { type: "button", class: "small", "data-key": name, "aria-label": `Inject a fault: ${name}`, onclick: () => choose(name, on) }, "Inject …");
    return el("tr", {}, el("th", { scope: "row" }, name.replace("->", " → ")), el("td", {}, middle), el("td", told.bad ? { class: "broken" } : {}, told.text), el("td", {}, ...(known.unbreakable ? [] : [button])));
  };
  const edges = known.edges.map((each) => [each, broken(each.name)]);
  fill($("edges").tBodies[0], () => edges.map(([each, found]) =>
    row(each.name, each.need, { bad: found.length, text: found.join(", ") || "as it is" }, "edge")), edges);
  const states = new Map(state.instances.map((each) => [each.name, each.state]));
  const instances = known.instances.map((each) => [each, states.get(each.name) || "", broken(each.name)]);
  fill($("instances").tBodies[0], () => instances.map(([each, is, found]) =>
    row(each.name, each.zone, { bad: found.length || (is && is !== "ready"), text: [is, ...found].filter(Boolean).join(", ") || "–" }, "instance")), instances);
}

function tellEvents(fresh) {
  if (!fresh.length) return;
  seen.number = fresh.at(-1).n;
  const row = (each) => el("tr", {}, el("td", { class: "num" }, plain(each.t, 1)), el("td", { class: `kind ${each.kind}` }, each.kind), el("td", {}, each.text));
  const body = $("events").tBodies[0];
  const first = body.children.length === 0;
  for (const each of fresh) body.prepend(row(each));
  while (body.children.length > SHOWN_EVENTS) body.lastElementChild.remove();
  const aloud = fresh.filter((each) => ["fault", "heal", "trouble"].includes(each.kind));
  if (!first && aloud.length) $("live").textContent = aloud.map((each) => each.text).join("; ");
}

function tellWindows(state) {
  seen.windows = state.windows;
  $("windows-none").hidden = state.windows.length > 0 || Boolean(known.unbreakable);
  fill($("windows"), () => state.windows.map((each) =>
    el("li", {}, `${each.what}: from ${second(each.start)} ${each.end === null ? "on, in force" : `to ${second(each.end)}`}`)), state.windows);
}

function tellExperiments(state) {
  const busy = state.phase !== "running" || state.experiment;
  $("experiments-words").textContent = known.unreadable ||
    (known.experiments.length ? "Puts on the faults of one, in their times, under the load that there is. For a verdict: harness chaos run." : "The system has none.");
  fill($("experiments"), () => known.experiments.map((each) => {
    const begin = el("button", { type: "button", class: "small", "data-key": each.name, disabled: Boolean(busy), "aria-label": `Begin ${each.name}` }, state.experiment === each.name ? "Under way" : "Begin");
    begin.addEventListener("click", () => act(begin, "/chaos/experiment", { experiment: each.name }, `${each.name} has begun`));
    return el("li", {}, el("strong", {}, each.name), el("p", { class: "hint" }, each.does.join("; ")), begin);
  }), [known.experiments, busy, state.experiment]);
}

async function learn() {
  known = await ask("/chaos/known");
  $("system").textContent = known.system;
  document.title = `Chaos: ${known.system}`;
  offerFaults();
  offerFields();
  offerTargets();
  for (const each of document.querySelectorAll("[data-breaks]")) each.hidden = Boolean(known.unbreakable);
  $("inject-none").textContent = known.unbreakable;
  $("inject-none").hidden = !known.unbreakable;
}

let polling = false;

async function poll() {
  if (polling) return;
  polling = true;
  try {
    if (!known) await learn();
    const state = await ask(`/chaos/state?revision=${seen.revision}&number=${seen.number}`);
    if (!known.ready && state.phase !== "starting") {
      const told = await ask("/chaos/known");
      Object.assign(known, told);
    }
    seen.revision = state.revision;
    seen.now = state.now;
    seen.whole = state.whole;
    for (const each of state.seconds) seen.seconds.set(each.t, each);
    for (const t of seen.seconds.keys()) if (t < state.now - 1000) seen.seconds.delete(t);
    tell(state);
    tellNow(state);
    tellForce(state);
    tellPlaces(state);
    tellEvents(state.events);
    tellWindows(state);
    tellExperiments(state);
    draw();
  } catch (error) {
    $("status").replaceChildren(el("strong", {}, "The harness does not answer: "), `${error.message}. The run may be over, or very busy.`);
  }
  polling = false;
}

$("fault").addEventListener("change", () => { offerFields(); offerTargets(); });
$("span").addEventListener("change", draw);
$("inject").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = { target: $("target").value, fault: $("fault").value, lasts: $("lasts").value, attributes: attributes() };
  act(event.submitter, "/chaos/inject", said, "done");
});
$("steer").addEventListener("submit", (event) => {
  event.preventDefault();
  act(event.submitter, "/chaos/rate", { rate: $("rate").value }, "the rate changes with the next whole second");
});
$("heal-all").addEventListener("click", () => act($("heal-all"), "/chaos/heal", {}, "nothing was in force"));
$("stop").addEventListener("click", () => act($("stop"), "/chaos/rate", { rate: "0" }, "no journey is due from the next whole second on"));
$("finish").addEventListener("click", () => act($("finish"), "/chaos/finish", {}, "the load ends with the next whole second"));
poll();
setInterval(poll, ASK_MS);
