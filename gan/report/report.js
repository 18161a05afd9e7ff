/* report.js - draws the page of report.html from the JSON in it. Every text of a run goes through textContent.
 *
 * What a person has set (smoothing, the place of a slider, a pixel) stands in the address behind "#", so that it is
 * there again when the page is loaded anew while the run trains. */
"use strict";
(function () {
	const all = JSON.parse(document.getElementById("data").textContent);
	const runs = all.runs, main = document.getElementById("main");
	const SVG = "http://www.w3.org/2000/svg";

	/* ---- small tools ---- */

	function make(tag, attributes, ...children) {
		const e = document.createElement(tag);
		for (const k in attributes || {}) e.setAttribute(k, attributes[k]);
		e.append(...children);
		return e;
	}
	function draw(tag, attributes, text) {
		const e = document.createElementNS(SVG, tag);
		for (const k in attributes) e.setAttribute(k, attributes[k]);
		if (text !== undefined) e.textContent = text;
		return e;
	}
	function bytes(base64) {
		return Uint8Array.from(atob(base64), c => c.charCodeAt(0));
	}
	function number(v) {
		if (v === null || !isFinite(v)) return "-";
		return Math.abs(v) >= 1e5 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(2) : String(+v.toPrecision(4));
	}
	function count(n) {
		return Math.round(n).toLocaleString("en");
	}
	function duration(s) {
		const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
		return h ? h + " h " + m + " min" : m ? m + " min " + Math.floor(s % 60) + " s" : s.toFixed(1) + " s";
	}
	const state = new URLSearchParams(location.hash.slice(1));
	function remember(key, value) {
		state.set(key, value);
		history.replaceState(null, "", "#" + state);
	}
	function recall(key, otherwise) {
		const v = parseFloat(state.get(key));
		return isFinite(v) ? v : otherwise;
	}
	function section(id, title) {
		const s = make("section", {id: id}, make("h2", {}, title));
		main.append(s);
		return s;
	}
	function slider(key, label, most, at, step, change) {
		const out = make("output"), input = make("input", {type: "range", min: 0, max: most, step: step, id: key});
		input.value = Math.min(recall(key, at), most);
		input.addEventListener("input", () => { remember(key, input.value); change(+input.value, out); });
		change(+input.value, out);
		return make("label", {for: key}, label, input, out);
	}

	/* ---- facts ---- */

	function score(value, at) {
		return value === undefined ? "-" : number(value) + " at step " + count(at);
	}
	const FACTS = [
		["folder", r => r.folder], ["steps", r => count(r.step) + (r.step <= r.steps ? " of " + count(r.steps) : "")],
		["time", r => duration(r.seconds)], ["speed", r => count(r.images_per_s) + " images/s (median)"],
		["best score", r => score(r.best_score, r.best_at)], ["last score", r => score(r.last_score, r.last_at)],
		["data", r => r.data || "-"], ["program", r => r.program + ", " + r.precision],
		["page written on", r => r.machine], ["to go on", r => make("code", {}, r.go_on)],
	];
	function table(head, rows) {
		const t = make("table");
		if (head) t.append(make("thead", {}, make("tr", {}, ...head.map(h => make("th", {scope: "col"}, h)))));
		const body = make("tbody");
		for (const row of rows) {
			const tr = make("tr", row.differs ? {class: "differs"} : {});
			row.cells.forEach((c, i) => tr.append(i ? make("td", {}, c) : make("th", {scope: "row"}, c)));
			body.append(tr);
		}
		t.append(body);
		return make("div", {class: "scroll"}, t);
	}
	function names(first) {
		return runs.length > 1 ? [first, ...runs.map(r => r.name)] : null;
	}
	section("facts", runs.length > 1 ? "Runs" : "Run").append(
		table(names(""), FACTS.map(([name, of]) => ({cells: [name, ...runs.map(of)]}))));
	document.getElementById("written").textContent = "written " + all.written;

	/* ---- curves ---- */

	let smoothing = 0;
	const charts = [];

	/* The mean of what came before, each step back weighing `smoothing` times as much, without bias at the start. */
	function smooth(y) {
		let sum = 0, weight = 0;
		return y.map(v => {
			if (v === null) return null;
			sum = smoothing * sum + (1 - smoothing) * v;
			weight = smoothing * weight + (1 - smoothing);
			return sum / weight;
		});
	}
	function ticks(lo, hi, most) {
		const ten = Math.pow(10, Math.floor(Math.log10((hi - lo) / most)));
		const step = [1, 2, 5, 10].map(m => m * ten).find(s => (hi - lo) / s <= most) || 10 * ten;
		const out = [];
		for (let k = Math.ceil(lo / step); k * step <= hi * (1 + 1e-12) || k * step <= hi; k++) out.push(k * step);
		return out;
	}
	/* On a logarithmic axis, from and to in powers of ten: 1, 2 and 5 times a power where these are few. */
	function logTicks(lo, hi, most) {
		const out = [], step = Math.max(1, Math.ceil((hi - lo) / most));
		for (let k = Math.floor(lo); k <= hi; k += step)
			for (const m of hi - lo < 3 ? [1, 2, 5] : [1]) out.push(k + Math.log10(m));
		const there = out.filter(t => t >= lo && t <= hi);
		return there.length > 1 ? there : ticks(lo, hi, most);
	}
	function short(v) {
		const a = Math.abs(v);
		return a >= 1e9 ? (+v.toPrecision(4)).toExponential().replace("+", "") : a >= 1e6 ? +(v / 1e6).toPrecision(4) + "M" : a >= 1e4 ? +(v / 1e3).toPrecision(4) + "k" : number(v);
	}
	const W = 560, H = 300, LEFT = 72, RIGHT = 24, TOP = 8, BOTTOM = 38;

	/* All series of one chart, of every run: colour by series, or by run where there are several. */
	function collect(id) {
		const out = [];
		runs.forEach((r, k) => r.curves.filter(c => c.id === id).forEach(c => c.series.forEach((s, i) => out.push({
			name: runs.length > 1 ? r.name + ": " + s.name : s.name, x: s.x, y: s.y,
			colour: "var(--c" + (runs.length > 1 ? k : i) % 8 + ")",
			dash: runs.length > 1 && i ? [0, 6, 2, 9][i % 4] + " 3" : "none",
		}))));
		return out;
	}
	/* The range without the outermost 0.2 %, as the pictures of the run have it. */
	function range(values) {
		const v = values.filter(isFinite).sort((a, b) => a - b);
		if (!v.length) return [0, 1];
		let lo = v[Math.floor(v.length / 500)], hi = v[v.length - 1 - Math.floor(v.length / 500)];
		if (hi - lo <= 1e-12 * (Math.abs(lo) + Math.abs(hi))) { lo -= Math.abs(lo) / 2 || 1; hi += Math.abs(hi) / 2 || 1; }
		return [lo - (hi - lo) * .05, hi + (hi - lo) * .05];
	}
	function Chart(c) {
		const series = collect(c.id), svg = draw("svg", {viewBox: "0 0 " + W + " " + H, tabindex: 0, role: "img"});
		const value = make("div", {class: "value", "aria-live": "polite"}), box = make("input", {type: "checkbox"});
		const legend = make("ul", {class: "legend"});
		for (const s of series) {
			const line = make("i");
			line.style.borderTopColor = s.colour;
			line.style.borderTopStyle = s.dash === "none" ? "solid" : s.dash[0] === "2" ? "dotted" : "dashed";
			legend.append(make("li", {}, line, s.name));
		}
		svg.setAttribute("aria-label", c.title + ": arrow keys move along the curves");
		const figure = make("figure", {id: "chart-" + c.id}, make("h3", {}, c.title), legend, svg, value,
			make("label", {class: "controls"}, box, "logarithmic"));
		box.checked = recall("log-" + c.id, c.log ? 1 : 0) > 0;
		box.addEventListener("change", () => { remember("log-" + c.id, box.checked ? 1 : 0); paint(); });
		const xs = series.flatMap(s => s.x), first = Math.min(...xs), last = Math.max(...xs);
		const x0 = first === last ? first - 1 : first, x1 = first === last ? last + 1 : last;
		const px = x => LEFT + (x - x0) / (x1 - x0) * (W - LEFT - RIGHT);
		let smoothed = [], cross = null, at = -1;

		function paint() {
			const log = box.checked, of = v => v === null || (log && v <= 0) ? NaN : log ? Math.log10(v) : v;
			smoothed = series.map(s => smooth(s.y));
			const [y0, y1] = range(series.flatMap(s => s.y.map(of)));
			const py = v => Math.min(Math.max(H - BOTTOM - (of(v) - y0) / (y1 - y0) * (H - BOTTOM - TOP), TOP), H - BOTTOM);
			svg.replaceChildren();
			for (const t of (log ? logTicks : ticks)(y0, y1, 5)) {
				const y = H - BOTTOM - (t - y0) / (y1 - y0) * (H - BOTTOM - TOP);
				svg.append(draw("path", {d: "M" + LEFT + " " + y + "H" + (W - RIGHT), stroke: "var(--faint)"}),
					draw("text", {x: LEFT - 6, y: y + 4, "text-anchor": "end", class: "tick"},
						log ? number(+Math.pow(10, t).toPrecision(3)) : short(+t.toPrecision(10))));
			}
			for (const t of ticks(x0, x1, 6))
				svg.append(draw("path", {d: "M" + px(t) + " " + TOP + "V" + (H - BOTTOM), stroke: "var(--faint)"}),
					draw("text", {x: px(t), y: H - BOTTOM + 16, "text-anchor": "middle", class: "tick"}, short(t)));
			svg.append(draw("text", {x: (LEFT + W - RIGHT) / 2, y: H - 5, "text-anchor": "middle", class: "axis"}, "step"),
				draw("text", {transform: "translate(12 " + (TOP + H - BOTTOM) / 2 + ") rotate(-90)",
					"text-anchor": "middle", class: "axis"}, c.unit));
			const path = (x, y) => {
				let d = "", on = false;
				for (let i = 0; i < x.length; i++) {
					const there = isFinite(of(y[i]));
					if (there) d += (on ? "L" : "M") + px(x[i]).toFixed(1) + " " + py(y[i]).toFixed(1) + (on ? "" : "h0");
					on = there;
				}
				return d;
			};
			series.forEach((s, i) => {
				if (smoothing > 0) svg.append(draw("path", {d: path(s.x, s.y), class: "raw", stroke: s.colour}));
				svg.append(draw("path", {d: path(s.x, smoothed[i]), class: "line", stroke: s.colour,
					"stroke-linecap": "round", "stroke-dasharray": s.dash}));
				if (s.x.length < 20)
					s.x.forEach((x, j) => isFinite(of(smoothed[i][j])) && svg.append(draw("circle",
						{cx: px(x), cy: py(smoothed[i][j]), r: 2.5, fill: s.colour})));
			});
			svg.append(cross = draw("path", {class: "cross", d: ""}));
			if (at >= 0) show(at);
		}
		/* The values at a place of the longest series. */
		const longest = series.reduce((a, s) => s.x.length > a.x.length ? s : a, series[0]);
		function show(i) {
			at = Math.min(Math.max(i, 0), longest.x.length - 1);
			const x = longest.x[at];
			cross.setAttribute("d", "M" + px(x) + " " + TOP + "V" + (H - BOTTOM));
			value.textContent = "step " + count(x) + ": " + series.map((s, k) => {
				let j = 0;
				while (j + 1 < s.x.length && Math.abs(s.x[j + 1] - x) <= Math.abs(s.x[j] - x)) j++;
				return s.name + " " + number(smoothed[k][j]);
			}).join(", ");
		}
		svg.addEventListener("pointermove", event => {
			const r = svg.getBoundingClientRect();
			const x = x0 + ((event.clientX - r.left) / r.width * W - LEFT) / (W - LEFT - RIGHT) * (x1 - x0);
			let i = 0;
			while (i + 1 < longest.x.length && Math.abs(longest.x[i + 1] - x) <= Math.abs(longest.x[i] - x)) i++;
			show(i);
		});
		svg.addEventListener("keydown", event => {
			const by = {ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -1e9, End: 1e9}[event.key];
			if (by === undefined) return;
			event.preventDefault();
			show((at < 0 ? 0 : at) + by);
		});
		paint();
		charts.push(paint);
		return figure;
	}
	const kinds = new Map();
	for (const r of runs) for (const c of r.curves) if (c.series.length && !kinds.has(c.id)) kinds.set(c.id, c);
	if (kinds.size) {
		const s = section("curves", "Curves");
		s.append(make("div", {class: "controls"}, slider("smooth", "smoothing", .99, 0, .01, (v, out) => {
			smoothing = v;
			out.textContent = v ? v.toFixed(2) : "none";
			charts.forEach(paint => paint());
		})), make("div", {class: "charts"}, ...[...kinds.values()].map(Chart)));
	}

	/* ---- samples over time ---- */

	runs.forEach((r, k) => {
		if (!r.samples.length) return;
		const s = section("samples" + k, "Samples" + (runs.length > 1 ? ": " + r.name : "") + " over time");
		const img = make("img"), last = r.samples.length - 1;
		s.append(make("div", {class: "controls"}, slider("sample" + k, "step", last, last, 1, (v, out) => {
			const one = r.samples[v];
			img.src = "data:image/png;base64," + one.png;
			img.alt = "images of the same latents at step " + one.step;
			out.textContent = count(one.step);
		})), make("div", {class: "samples"}, img));
	});

	/* ---- attention ---- */

	const HEAT = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];
	function heat(v) {
		const at = v * (HEAT.length - 1), i = Math.min(Math.floor(at), HEAT.length - 2), f = at - i;
		return HEAT[i].map((a, c) => a + f * (HEAT[i + 1][c] - a));
	}
	function plain(image, canvas) {
		canvas.width = image.w;
		canvas.height = image.h;
		const to = canvas.getContext("2d"), d = to.createImageData(image.w, image.h);
		for (let i = 0; i < image.w * image.h; i++)
			for (let c = 0; c < 4; c++) d.data[4 * i + c] = c < 3 ? image.x[i * image.c + Math.min(c, image.c - 1)] : 255;
		to.putImageData(d, 0, 0);
		return d;
	}
	/* The image in dim gray, over it in colour where the pixel (y, x) looks, and a frame around that. */
	function look(image, layer, y, x, canvas) {
		const scale = Math.max(1, Math.round(224 / image.w)), w = image.w * scale, h = image.h * scale;
		canvas.width = w;
		canvas.height = h;
		const qy = Math.min(Math.floor(y * layer.qh / image.h), layer.qh - 1);
		const qx = Math.min(Math.floor(x * layer.qw / image.w), layer.qw - 1);
		const M = layer.kh * layer.kw, row = layer.x.subarray((qy * layer.qw + qx) * M, (qy * layer.qw + qx + 1) * M);
		const to = canvas.getContext("2d"), d = to.createImageData(w, h);
		for (let i = 0; i < h; i++)
			for (let j = 0; j < w; j++) {
				const p = (Math.floor(i / scale) * image.w + Math.floor(j / scale)) * image.c;
				const gray = .35 * (image.c === 3 ? .299 * image.x[p] + .587 * image.x[p + 1] + .114 * image.x[p + 2]
					: image.x[p]);
				const v = row[Math.floor(i * layer.kh / h) * layer.kw + Math.floor(j * layer.kw / w)] / 255;
				const a = .85 * Math.min(1, 1.5 * v), hot = heat(v), at = 4 * (i * w + j);
				for (let c = 0; c < 3; c++) d.data[at + c] = (1 - a) * gray + a * hot[c];
				d.data[at + 3] = 255;
			}
		to.putImageData(d, 0, 0);
		to.strokeStyle = "#00ffff";
		to.lineWidth = Math.max(1, scale / 4);
		to.strokeRect(qx * w / layer.qw + .5, qy * h / layer.qh + .5, w / layer.qw - 1, h / layer.qh - 1);
	}
	runs.forEach((r, k) => {
		if (!r.attention.length || !r.attention[0].layers.length) return;
		const s = section("looks" + k, "Where a pixel looks" + (runs.length > 1 ? ": " + r.name : ""));
		for (const image of r.attention) {
			image.x = bytes(image.pixels);
			for (const l of image.layers) l.x = bytes(l.map);
		}
		let which = Math.min(recall("image" + k, 0), r.attention.length - 1);
		let y = Math.min(recall("y" + k, r.attention[0].h / 2 | 0), r.attention[0].h - 1);
		let x = Math.min(recall("x" + k, r.attention[0].w / 2 | 0), r.attention[0].w - 1);
		const big = make("canvas", {tabindex: 0, role: "img",
			"aria-label": "the image: click a pixel, or move with the arrow keys"});
		const where = make("p", {class: "note", id: "where" + k, "aria-live": "polite"});
		const picks = r.attention.map((image, i) => {
			const c = make("canvas"), b = make("button", {type: "button", "aria-label": "image " + i + " " + image.name}, c);
			plain(image, c);
			b.addEventListener("click", () => { which = i; remember("image" + k, i); paint(); });
			return b;
		});
		const maps = r.attention[0].layers.map(l => {
			const c = make("canvas");
			c.addEventListener("click", choose);
			return {canvas: c, figure: make("figure", {}, make("h3", {}, l.name), c, make("div", {class: "bar"}),
				make("div", {class: "ends"}, make("span", {}, "not at all"), make("span", {}, "most")))};
		});
		function paint() {
			const image = r.attention[which];
			plain(image, big);
			const to = big.getContext("2d");
			to.fillStyle = "#00ffff";
			to.fillRect(x, y, 1, 1);
			maps.forEach((m, i) => look(image, image.layers[i], y, x, m.canvas));
			picks.forEach((b, i) => b.setAttribute("aria-pressed", i === which));
			where.textContent = "pixel " + y + ", " + x + (image.name ? " of class " + image.name : "");
		}
		function move(ny, nx) {
			y = Math.min(Math.max(ny, 0), r.attention[which].h - 1);
			x = Math.min(Math.max(nx, 0), r.attention[which].w - 1);
			remember("y" + k, y);
			remember("x" + k, x);
			paint();
		}
		function choose(event) {
			const b = event.currentTarget.getBoundingClientRect(), image = r.attention[which];
			move(Math.floor((event.clientY - b.top) / b.height * image.h), Math.floor((event.clientX - b.left) / b.width * image.w));
		}
		big.addEventListener("click", choose);
		big.addEventListener("keydown", event => {
			const by = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
			if (!by) return;
			event.preventDefault();
			move(y + by[0], x + by[1]);
		});
		s.append(make("p", {class: "note"}, "Click a pixel of an image, or use the arrow keys: each layer shows what that "
			+ "place took from where when the image was made. Each map is scaled to its own most."),
			make("div", {class: "looks"}, make("figure", {}, make("h3", {}, "image"), big, where,
				make("div", {class: "pick"}, ...picks)), ...maps.map(m => m.figure)));
		paint();
	});

	/* ---- config ---- */

	const rows = runs[0].config.map(([key], i) => {
		const cells = [key, ...runs.map(r => r.config[i] ? r.config[i][1] : "")];
		return {cells: cells, differs: new Set(cells.slice(1)).size > 1};
	});
	const different = rows.filter(r => r.differs);
	if (runs.length > 1)
		section("differs", "What differs").append(different.length ? table(names("key"), different)
			: make("p", {}, "Nothing: the configs are the same."));
	section("config", "Config").append(make("details", runs.length > 1 ? {} : {open: ""},
		make("summary", {}, rows.length + " keys"), table(names("key") || ["key", "value"], rows)));
	document.documentElement.dataset.ready = "yes";
})();
