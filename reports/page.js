// The interactive chart: draws what chart_data wrote, tells of one candidate, filters and zooms.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const find = (id) => document.getElementById(id);
  const plot = find("plot"), told = find("told"), again = find("all");
  const rows = new Map([...document.querySelectorAll(".candidates tbody tr")].map(
    (row) => [row.cells[0].textContent, row]));
  const phone = matchMedia("(max-width: 40rem)"), dark = matchMedia("(prefers-color-scheme: dark)");
  const CROWD = 24, RING = 2, MARGIN = {l: 56, r: 14, t: 10, b: 48};
  const state = {view: 0, range: null, log: [data.views[0].log, false], kinds: new Set(), active: null,
    told: null, lost: 0, picked: false, spread: data.views[0].points.length <= CROWD, values: data.filters.map(() => new Set())};

  const view = () => data.views[state.view];
  const colour = (role) => getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim();
  const textOf = (value) => String(+value.toPrecision(4));
  // Plotly reads a little markup in labels; a name has none.
  const plain = (text) => text.replace(/[&<>]/g, (c) => ({"&": "&amp;", "<": "&lt;", ">": "&gt;"})[c]);
  const shown = (point) => (!state.kinds.size || state.kinds.has(point.kind)) &&
    state.values.every((set, i) => !set.size || set.has(data.candidates[point.candidate].values[i]));

  // Axes: their home ranges hold every mark with its bars, whatever is filtered.
  const scaled = (value, log) => log ? Math.log10(value) : value;
  function home(values, log) {
    const known = values.filter((v) => !log || v > 0).map((v) => scaled(v, log));
    const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b)), wide = high - low || Math.abs(high) * 0.1 || 1;
    return [low - 0.08 * wide, high + 0.1 * wide];
  }
  function homes() {
    const points = [...view().points, ...view().published], trained = points.filter((p) => p.y !== null);
    const xs = points.flatMap((p) => [p.x, ...(p.span || [])]).concat(view().crowd.map((p) => p[0]));
    const ys = trained.flatMap((p) => [p.y, p.y + (p.sd || 0), p.y - (p.sd || 0), ...(p.seeds || []).map((s) => s[1])])
      .concat(view().crowd.map((p) => p[1]));
    return [home(xs, state.log[0]), ys.some((y) => !state.log[1] || y > 0) ? home(ys, state.log[1]) : [0, 1]];
  }
  const ranges = () => state.range || homes();
  const footing = () => view().points.some((p) => p.y === null) ? 0.12 : 0;
  function ticks([low, high], log) {
    if (!log || high - low < 0.9) return {tickmode: "auto", nticks: phone.matches ? 6 : 8};
    const steps = high - low > 4 ? [1] : [1, 2, 5], found = [];
    for (let e = Math.floor(low); e <= high; e++) for (const s of steps) found.push(+`${s}e${e}`);
    return {tickmode: "array", tickvals: found, ticktext: found.map(String)};
  }

  // Looks: the same marks as in the still chart.
  function look(kind) {
    const tone = kind.startsWith("front") ? colour("blue") : kind === "over budget" ? colour("orange") : colour("muted");
    return {tone, fill: kind.endsWith("doubt") ? colour("paper") : tone};
  }
  const symbol = (point) => point.kind === "over budget" ? "x-thin" : point.baseline ? "diamond" : "circle";
  function marks(kind) {
    const {tone, fill} = look(kind), points = view().points.filter((p) => p.kind === kind && shown(p));
    const bar = (sizes) => ({type: "data", symmetric: false, width: 0, thickness: 1, color: tone, visible: state.spread, ...sizes});
    return [true, false].map((trained) => {
      const own = points.filter((p) => (p.y !== null) === trained);
      return {
        x: own.map((p) => p.x), y: own.map((p) => trained ? p.y : 0), yaxis: trained ? "y" : "y2",
        customdata: own.map((p) => view().points.indexOf(p)), mode: "markers", cliponaxis: false,
        hovertext: own.map((p) => hover(p)), hoverinfo: "text",
        marker: {size: own.map((p) => p.baseline ? 11 : 10), color: fill, opacity: 1, symbol: own.map(symbol), line: {color: tone, width: 2}},
        error_x: bar({array: own.map((p) => p.span ? p.span[1] - p.x : 0), arrayminus: own.map((p) => p.span ? p.x - p.span[0] : 0)}),
        error_y: bar({array: own.map((p) => trained && p.sd || 0), arrayminus: own.map((p) => trained && p.sd || 0)}),
      };
    });
  }
  function hover(point) {
    const name = plain(data.candidates[point.candidate].brief);
    const up = point.y === null ? "not trained" : `${plain(view().y)} ${textOf(point.y)}`;
    return `<b>${name}</b><br>${up}<br>${plain(view().x)} ${textOf(point.x)}`;
  }
  // Without one of its candidates the line would pass below others that are no better.
  const front = () => view().points.every((p) => !p.kind.startsWith("front") || shown(p)) ? view().front : [];
  function traces() {
    const seeds = state.spread ? view().points.filter(shown).flatMap((p) => p.seeds || []) : [];
    const still = {hoverinfo: "skip", cliponaxis: false};
    return [
      {...still, x: front().map((p) => p[0]), y: front().map((p) => p[1]), mode: "lines",
        opacity: 0.35, line: {shape: "hv", color: colour("blue"), width: 4}},
      {...still, x: view().crowd.map((p) => p[0]), y: view().crowd.map((p) => p[1]), mode: "markers", marker: {size: 3, color: colour("faint")}},
      {...still, ...ring(), mode: "markers", marker: {size: 20, color: "rgba(0,0,0,0)", line: {color: colour("ink"), width: 2}}},
      {...still, x: seeds.map((s) => s[0]), y: seeds.map((s) => s[1]), mode: "markers", marker: {size: 4, color: colour("muted")}},
      {x: view().published.map((p) => p.x), y: view().published.map((p) => p.y), mode: "markers", hoverinfo: "text",
        hovertext: view().published.map((p) => `${plain(p.label)}<br>published`),
        marker: {symbol: "square", size: 8, color: colour("paper"), line: {color: colour("plum"), width: 1.5}}},
      ...Object.keys(data.kinds).flatMap(marks),
    ].map((trace) => ({type: "scatter", showlegend: false, ...trace}));
  }
  function ring() {
    const point = state.active === null ? null : view().points[state.active];
    return point && shown(point) ? {x: [point.x], y: [point.y ?? 0], yaxis: point.y === null ? "y2" : "y"} : {x: [], y: [], yaxis: "y"};
  }
  function layout() {
    const [x, y] = ranges(), foot = footing();
    const axis = {gridcolor: colour("grid"), linecolor: colour("muted"), zeroline: false, showline: true, ticks: "outside",
      tickcolor: colour("muted"), ticklen: 4, fixedrange: false};
    return {
      width: plot.clientWidth, height: plot.clientHeight, margin: MARGIN, annotations: names(), paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: {family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("ink")},
      hoverlabel: {bgcolor: colour("wash"), bordercolor: colour("faint"), font: {color: colour("ink"), size: 13}, align: "left"},
      xaxis: {...axis, ...ticks(x, state.log[0]), title: {text: view().x, standoff: 8}, range: x, type: state.log[0] ? "log" : "linear", anchor: "free", position: 0},
      yaxis: {...axis, ...ticks(y, state.log[1]), title: {text: view().y, standoff: 6}, range: y, type: state.log[1] ? "log" : "linear", domain: [foot, 1]},
      yaxis2: {...axis, visible: foot > 0, fixedrange: true, range: [-1, 1], domain: [0, foot ? 0.08 : 0.01], tickvals: [0], ticktext: ["not<br>trained"], ticks: "", showgrid: false},
      hovermode: "closest", dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", showlegend: false,
    };
  }

  // Names beside marks: each takes the first side that is free, fronts first; else it has none.
  // A side is where the name's box begins, in its own widths and in pixels, and where it is high.
  const SIDES = [[-0.5, 0, -25], [-0.5, 0, 8], [0, 5, -22], [-1, -5, -22], [0, 5, 5], [-1, -5, 5], [0, 9, -8], [-1, -9, -8]];
  const HIGH = 17;
  const pen = document.createElement("canvas").getContext("2d");
  function names() {
    const [xs, ys] = ranges(), {l, r, t, b} = MARGIN, wide = plot.clientWidth - l - r, high = plot.clientHeight - t - b;
    const foot = footing();
    pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const at = (p) => [(scaled(p.x, state.log[0]) - xs[0]) / (xs[1] - xs[0]) * wide,
      p.y === null ? high * 0.96 : high * (1 - foot) * (1 - (scaled(p.y, state.log[1]) - ys[0]) / (ys[1] - ys[0]))];
    const printed = view().published.map((p) => ({...p, kind: "published"})), found = [];
    const points = [...view().points.filter(shown), ...printed];
    const taken = points.map((p) => [at(p)[0] - 5, at(p)[1] - 5, at(p)[0] + 5, at(p)[1] + 5]);
    const meets = (box, others) => others.some((o) => box[0] < o[2] && box[2] > o[0] && box[1] < o[3] && box[3] > o[1]);
    const lines = bars(points, at);
    state.lost = 0;
    const rank = (p) => p.kind === "published" ? 2 : p.kind.startsWith("front") || p.baseline ? 0 : 1;
    for (const p of [...points].sort((one, two) => rank(one) - rank(two))) {
      const [x, y] = at(p), w = pen.measureText(p.label).width + 6;
      if (!p.label || x < 0 || x > wide || y < 0 || y > high) continue;
      const free = SIDES.map(([dx, left, top]) => [x + dx * w + left, y + top, x + (dx + 1) * w + left, y + top + HIGH])
        .filter((box) => box[0] > 0 && box[2] < wide + r && box[1] > -t && box[3] < high && !meets(box, taken));
      const crossed = free.map((each) => lines.filter((line) => meets(each, [line])).length);
      const box = free[crossed.indexOf(Math.min(...crossed))];
      if (!box) { state.lost += 1; continue; }
      taken.push(box);
      found.push({text: plain(p.label), xref: "paper", yref: "paper", x: box[0] / wide, y: 1 - box[1] / high, width: w, height: HIGH,
        xanchor: "left", yanchor: "top", align: "center", showarrow: false, borderpad: 0, captureevents: false,
        font: {size: 12, color: colour(["ink", "muted", "plum"][rank(p)])}});
    }
    return found;
  }

  // The lines that a name had better not cover: bars, and the steps of the front, which weigh more.
  function bars(points, at) {
    const spot = (x, y) => at({x, y}), line = ([x0, y0], [x1, y1]) => [Math.min(x0, x1) - 1, Math.min(y0, y1) - 1, Math.max(x0, x1) + 1, Math.max(y0, y1) + 1];
    const found = front().slice(1).flatMap(([x1, y1], i) => {
      const [x0, y0] = front()[i];
      const steps = [line(spot(x0, y0), spot(x1, y0)), line(spot(x1, y0), spot(x1, y1))];
      return [...steps, ...steps, ...steps];
    });
    for (const p of state.spread ? points.filter((each) => each.y !== null) : []) {
      if (p.sd) found.push(line(spot(p.x, p.y - p.sd), spot(p.x, p.y + p.sd)));
      if (p.span) found.push(line(spot(p.span[0], p.y), spot(p.span[1], p.y)));
    }
    return found;
  }

  // What is told beside the chart: text, never markup.
  function element(tag, text, parent) {
    const made = document.createElement(tag);
    made.textContent = text;
    return parent.appendChild(made);
  }
  const hint = [...told.children];
  function tell(index) {
    const point = view().points[index], one = data.candidates[point.candidate];
    state.told = point.candidate;
    told.replaceChildren();
    element("h3", one.name, told);
    element("p", data.kinds[point.kind] + (point.baseline ? ", baseline" : ""), told);
    const list = element("dl", "", told);
    // Where it stands is by this view's front, as the line above says it.
    const figures = one.figures.map(([label, text]) => label === data.status ? [view().status, point.words] : [label, text]);
    for (const [label, text] of [...one.parts, ...figures]) {
      const pair = element("div", "", list);
      element("dt", label, pair);
      element("dd", text, pair);
    }
    if (data.shared) element("p", `In all: ${data.shared}`, told).className = "shared";
  }
  function mark(index) {
    state.active = index;
    for (const row of rows.values()) row.classList.remove("picked");
    if (index !== null) {
      tell(index);
      rows.get(data.candidates[view().points[index].candidate].name)?.classList.add("picked");
    }
    const {x, y, yaxis} = ring();
    return Plotly.restyle(plot, {x: [x], y: [y], yaxis: [yaxis]}, [RING]);
  }

  // What is no longer shown is not told of either.
  function forget() {
    const there = (candidate) => view().points.some((p) => p.candidate === candidate && shown(p));
    const active = state.active === null ? null : view().points[state.active].candidate;
    if (active !== null && !there(active)) { state.picked = false; mark(null); }
    if (state.told !== null && !there(state.told)) { state.told = null; told.replaceChildren(...hint); }
  }
  function reading() {
    const lost = `${state.lost} ${state.lost === 1 ? "name finds" : "names find"} no room: zoom in, or point at a mark.`;
    return [state.spread ? view().bars : "", view().naming, state.lost ? lost : "", view().remarks].filter(Boolean).join(" ");
  }

  async function draw() {
    forget();
    find("lines").textContent = view().subtitle.join("\n");
    const points = view().points, num = points.filter(shown).length;
    find("number").textContent = num < points.length ? `${num} of ${points.length} shown` : "";
    again.hidden = num === points.length && !state.kinds.size && state.values.every((set) => !set.size);
    for (const key of document.querySelectorAll("[data-kind]")) {
      key.setAttribute("aria-pressed", state.kinds.has(key.dataset.kind));
      key.hidden = !points.some((p) => p.kind === key.dataset.kind);
    }
    for (const key of document.querySelectorAll("[data-value]"))
      key.setAttribute("aria-pressed", state.values[key.dataset.filter].has(key.dataset.value));
    const looks = layout();
    find("reading").textContent = reading();
    await Plotly.react(plot, traces(), looks, {displayModeBar: false, responsive: false, doubleClick: false, showTips: false});
  }
  const toggle = (set, value) => set.has(value) ? set.delete(value) : set.add(value);
  function zoom(factor) {
    state.range = factor ? ranges().map(([a, b]) => [a + (b - a) * factor, b - (b - a) * factor]) : null;
    return draw();
  }
  function step(way) {
    const order = view().points.map((p, i) => i).filter((i) => shown(view().points[i]))
      .sort((a, b) => view().points[a].x - view().points[b].x);
    if (!order.length) return;
    const place = order.indexOf(state.active);
    state.picked = true;
    mark(order[place < 0 ? (way > 0 ? 0 : order.length - 1) : (place + way + order.length) % order.length]);
  }

  function listen() {
    plot.on("plotly_hover", ({points: [p]}) => { if (!state.picked && p.customdata !== undefined) tell(p.customdata); });
    plot.on("plotly_click", ({points: [p]}) => {
      if (p.customdata === undefined) return;
      state.picked = !(state.picked && state.active === p.customdata);
      mark(state.picked ? p.customdata : null);
    });
    plot.on("plotly_doubleclick", () => { zoom(0); });
    plot.on("plotly_relayout", (changed) => {
      if (!Object.keys(changed).some((key) => key.includes("range"))) return;
      state.range = [plot.layout.xaxis.range.map(Number), plot.layout.yaxis.range.map(Number)];
      draw();
    });
    plot.addEventListener("keydown", (event) => {
      const way = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1}[event.key];
      if (way) step(way);
      else if (event.key === "Escape") { state.picked = false; mark(null); }
      else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 0.15 : -0.2);
      else return;
      event.preventDefault();
    });
  }
  const on = (id, kind, act) => find(id)?.addEventListener(kind, act);
  on("cost", "change", (event) => {
    const name = state.active === null ? null : view().points[state.active].candidate;
    state.view = +event.target.value;
    state.range = null;
    state.log[0] = find("log-x").checked = view().log;
    const index = view().points.findIndex((p) => p.candidate === name);
    state.active = index < 0 ? null : index;
    draw();
    if (state.told !== null) tell(view().points.findIndex((p) => p.candidate === state.told));
  });
  on("log-x", "change", (event) => { state.log[0] = event.target.checked; zoom(0); });
  on("log-y", "change", (event) => { state.log[1] = event.target.checked; zoom(0); });
  on("spread", "change", (event) => { state.spread = event.target.checked; draw(); });
  on("nearer", "click", () => zoom(0.15));
  on("farther", "click", () => zoom(-0.2));
  on("reset", "click", () => zoom(0));
  on("all", "click", () => { state.kinds.clear(); state.values.forEach((set) => set.clear()); draw(); });
  document.querySelectorAll("[data-kind]").forEach((key) => key.addEventListener("click", () => { toggle(state.kinds, key.dataset.kind); draw(); }));
  document.querySelectorAll("[data-value]").forEach((key) => key.addEventListener("click", () => { toggle(state.values[key.dataset.filter], key.dataset.value); draw(); }));
  dark.addEventListener("change", draw);
  addEventListener("resize", draw);

  find("log-x").checked = state.log[0];
  find("spread").checked = state.spread;
  find("live").hidden = false;
  document.documentElement.classList.add("is-live");
  draw().then(listen).then(() => { plot.dataset.ready = "true"; });
})();
