"use strict";
// Draws /status every two seconds. Whatever comes from outside is set as text, never as markup.

const EVERY_MS = 2000, GIVE_UP_MS = 8000, FEEDS = 60;
const SOURCES = { websocket: "stream", cache: "cache", upstream: "rest", proxy: "own" };
const SOURCE_WORDS = {
  websocket: "from streams", cache: "kept", upstream: "asked of Binance", proxy: "refused by bpx",
};
const GOOD = { ok: "good", fresh: "good", open: "good", kept: "soso", starting: "soso", degraded: "soso",
  connecting: "soso", replacing: "soso", waiting: "soso", warn: "soso" };
const tone = (word) => GOOD[word] || "bad";
const SVG = "http://www.w3.org/2000/svg";

function node(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.map((one) => (one instanceof Node ? one : String(one))));
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const whole = (number) => Math.round(number).toLocaleString("en");
function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
const clock = (unix) => new Date(unix * 1000).toLocaleTimeString();
const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

function fact(value, words, kind) {
  return node("div", { class: "fact" }, node("b", { class: kind }, value), node("span", {}, words));
}

function table(heads, rows, empty) {
  if (!rows.length) return node("p", { class: "quiet" }, empty);
  const cell = (name, one) => {
    const isNumber = one && one.number !== undefined;
    const text = isNumber ? one.number : one && one.word !== undefined ? one.word : one;
    const kind = [isNumber ? "number" : "", one && one.word !== undefined ? "word" : "", (one && one.tone) || ""];
    return node(name, { class: kind.join(" ").trim() || undefined }, text === null ? "–" : text);
  };
  const head = node("tr", {}, ...heads.map((one) => cell("th", one)));
  const body = rows.map((row) => node("tr", {}, ...row.map((one) => cell("td", one))));
  return node("div", { class: "scroll" }, node("table", {}, node("thead", {}, head), node("tbody", {}, ...body)));
}
const number = (value) => ({ number: value });
const word = (value, kind) => ({ word: value, tone: kind });

function weightChart(steps, limit) {
  const drawing = shape("svg", { viewBox: "0 0 180 60", preserveAspectRatio: "none", role: "img" });
  const label = document.createElementNS(SVG, "title");
  label.textContent = "Weight in use against the limit, over the last minutes";
  drawing.append(label);
  const top = Math.max(limit, ...steps.map((step) => step.weight), 1) * 1.05;
  const y = (value) => 60 - (value / top) * 60;
  const points = steps.map((step, at) => `${180 - steps.length + at},${y(step.weight).toFixed(2)}`);
  if (points.length) {
    drawing.append(shape("polyline", {
      points: `${180 - steps.length},60 ${points.join(" ")} 179,60`, fill: "var(--stream)", "fill-opacity": 0.25,
      stroke: "var(--stream)", "stroke-width": 1.5, "vector-effect": "non-scaling-stroke",
    }));
  }
  drawing.append(shape("line", {
    x1: 0, x2: 180, y1: y(limit), y2: y(limit), stroke: "var(--bad)", "stroke-dasharray": "4 3",
    "vector-effect": "non-scaling-stroke",
  }));
  return drawing;
}

function repliesChart(steps) {
  const drawing = shape("svg", { viewBox: "0 0 180 60", preserveAspectRatio: "none", role: "img" });
  const label = document.createElementNS(SVG, "title");
  label.textContent = "Requests by where their answers came from, over the last minutes";
  drawing.append(label);
  const top = Math.max(1, ...steps.map((step) => sum(Object.values(step.replies))));
  steps.forEach((step, at) => {
    let from = 60;
    for (const source of Object.keys(SOURCES)) {
      const height = ((step.replies[source] || 0) / top) * 58;
      if (height) {
        drawing.append(shape("rect", {
          x: 180 - steps.length + at, y: from - height, width: 0.85, height, fill: `var(--${SOURCES[source]})`,
        }));
        from -= height;
      }
    }
  });
  return drawing;
}

function sourcesKey() {
  const colours = Object.entries(SOURCES).map(([source, colour]) => {
    const patch = node("i");
    patch.style.background = `var(--${colour})`;
    return node("span", {}, patch, SOURCE_WORDS[source]);
  });
  return node("div", { class: "key" }, ...colours);
}

function market(name, facts) {
  const budget = facts.budget, steps = facts.history, last = steps.slice(-12);
  const seconds = 5 * Math.max(1, last.length);
  const asked = sum(last.map((step) => sum(Object.values(step.replies))));
  const ours = sum(last.map((step) => (step.replies.websocket || 0) + (step.replies.cache || 0)));
  const share = budget.used_weight / Math.max(1, budget.weight_limit);
  const held = Math.max(budget.hold_left_s, budget.blocked_left_s);
  const feeds = sum(Object.values(facts.states));
  const wrong = facts.states.stale + facts.states.disconnected;
  const reasons = facts.reasons.map((reason) => node("p", { class: "bad" }, reason));
  return node("section", { class: "card", id: `market-${name}` },
    node("h2", {}, `${name} `, node("span", { class: `pill ${tone(facts.status)}` }, facts.status)),
    ...reasons,
    node("div", { class: "facts" },
      fact(`${whole(budget.used_weight)} / ${whole(budget.weight_limit)}`, "weight in this minute",
        share > 0.9 ? "bad" : share > 0.7 ? "soso" : ""),
      fact(held ? span(held) : "none", "hold by Binance", held ? "bad" : ""),
      fact((asked / seconds).toFixed(1), "requests a second"),
      fact(asked ? `${Math.round((100 * ours) / asked)} %` : "–", "answered without Binance"),
      fact(`${facts.states.fresh} / ${feeds}`, "followed and fresh", wrong ? "soso" : ""),
      fact((sum(last.map((step) => step.messages)) / seconds).toFixed(0), "messages a second"),
      fact(span(facts.listing_age_s), "age of exchangeInfo"),
    ),
    node("div", { class: "halves" },
      node("div", {}, node("h3", {}, "Weight against the limit, a quarter of an hour"), weightChart(steps, budget.weight_limit)),
      node("div", {}, node("h3", {}, "Requests by source"), repliesChart(steps), sourcesKey()),
    ),
    node("h3", {}, `What is cached, worst first${facts.left_out ? ` (${whole(facts.left_out)} more are well)` : ""}`),
    table(["what", "kind", "state", number("age"), number("asked"), number("messages"), number("by REST"), number("repairs"), "last trouble"],
      facts.followed.map((row) => [
        word(row.name), word(row.kind), word(row.state, tone(row.state)), number(span(row.age_s)),
        number(`${span(row.asked_s)} ago`), number(whole(row.messages)), number(whole(row.loads)),
        number(whole(row.repairs)), row.trouble ? `${row.trouble} (${span(row.trouble_s)} ago)` : "",
      ]), "Nothing yet: a stream is followed when a bot first asks for it."),
    node("div", { class: "halves" },
      node("div", {}, node("h3", {}, "Stream connections"),
        table(["route", "state", number("streams"), number("age"), number("failures"), "last loss"],
          facts.streams.map((row) => [word(row.route || "/"), word(row.state, tone(row.state)), number(row.streams),
            number(span(row.age_s)), number(row.failures), row.last_loss || ""]), "None yet.")),
      node("div", {}, node("h3", {}, "REST hosts"),
        table(["host", "calls", number("failures"), "breaker"],
          facts.hosts.map((row) => [row.host, word(row.calls), number(row.failures),
            breakerOf(facts, row)]), "None.")),
      node("div", {}, node("h3", {}, "Slow calls of late"),
        table(["when", "path", number("waited for its turn"), number("Binance took"), "outcome"],
          facts.slow.slice(0, 10).map((row) => [word(clock(row.at)), row.path, number(span(row.waited_s)),
            number(span(row.took_s)), word(row.outcome)]), "None took a second.")),
      node("div", {}, node("h3", {}, "Weight of the last five minutes, by kind of call"),
        table(["kind", number("weight")], Object.entries(budget.by_kind).map(([kind, weight]) => [kind, number(whole(weight))]),
          "Nothing was asked of Binance.")),
      node("div", {}, node("h3", {}, "Weight of about the last minute, by client"),
        table(["client", number("weight")], budget.by_client.map((row) => [row.client, number(whole(row.weight))]),
          "No client has caused any.")),
    ),
  );
}

function breakerOf(facts, row) {
  const found = facts.breakers.find((one) => one.host === row.host && one.calls === row.calls);
  return found ? word(found.state, found.state === "closed" ? "good" : "bad") : "";
}

function draw(status) {
  const pill = document.getElementById("status");
  pill.textContent = status.status;
  pill.className = `pill ${tone(status.status)}`;
  document.title = `bpx: ${status.status}`;
  document.getElementById("process").textContent =
    `version ${status.version}, up ${span(status.uptime_s)}, ${whole(status.resident_bytes / 2 ** 20)} MB, ` +
    `${whole(status.tasks)} tasks, ${whole(status.clients)} client connections, as of ${clock(status.now)}`;
  document.getElementById("markets").replaceChildren(
    ...Object.entries(status.markets).map(([name, facts]) => market(name, facts)));
  document.getElementById("events").replaceChildren(...(status.events.length ? status.events.map((event) =>
    node("li", { class: event.level === "info" ? undefined : tone(event.level) },
      node("time", {}, clock(event.at)), event.text, event.times > 1 ? ` (${event.times} times)` : "")) :
    [node("li", { class: "quiet" }, "Nothing has happened.")]));
  const options = Object.entries(status.options).map(([name, value]) =>
    node("tr", {}, node("td", {}, name), node("td", {}, value)));
  document.getElementById("options").replaceChildren(...options);
}

async function update() {
  const lost = document.getElementById("lost");
  try {
    const reply = await fetch(`status?feeds=${FEEDS}`, { signal: AbortSignal.timeout(GIVE_UP_MS) });
    if (!reply.ok) throw new Error(`status ${reply.status}`);
    draw(await reply.json());
    lost.hidden = true;
  } catch (error) {
    lost.textContent = `bpx does not answer (${error.message}). What you see is old.`;
    lost.hidden = false;
  }
  setTimeout(update, EVERY_MS);
}

update();
