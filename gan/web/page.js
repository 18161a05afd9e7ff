/* page.js - what a person does with the generator in this page: draws, looks, moves along directions, morphs.
 *
 * Everything that comes from the program is set as text, never as HTML. */
"use strict";

const $ = id => document.getElementById(id);
const bytes = Uint8Array.from(atob($("weights").textContent), c => c.charCodeAt(0));
const program = Engine.load(JSON.parse($("program").textContent), bytes);
const [H, W, C] = program.image;
const IMAGES = program.classes > 12 || program.classes === 0 ? 24 : 2 * Math.max(program.classes, 10);
const SELECTED = "aria-pressed";

/* ---- random numbers: the same for the same seed ---- */

/* mulberry32, by Tommy Ettinger (public domain): 32 bits of state are enough for pictures. */
function uniform(seed) {
	let a = seed >>> 0;
	return () => {
		a = a + 0x6d2b79f5 >>> 0;
		let t = Math.imul(a ^ a >>> 15, 1 | a);
		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return ((t ^ t >>> 14) >>> 0) / 4294967296;
	};
}

/* Box and Muller. */
const normal = random => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

function latent(seed, k) {
	const random = uniform(seed * 4096 + k);
	return Float32Array.from({length: program.latent}, () => normal(random));
}

/* ---- pictures ---- */

const gray = v => 127.5 * (1 + Math.max(-1, Math.min(v, 1)));
const pixel = (image, i, c) => gray(image[i * C + Math.min(c, C - 1)]);

/* colour(i, c): channel c of 3 of pixel i, from 0 to 255. */
function paint(canvas, colour) {
	canvas.width = W;
	canvas.height = H;
	const d = canvas.getContext("2d").createImageData(W, H);
	for (let i = 0; i < H * W; i++) {
		for (let c = 0; c < 3; c++)
			d.data[4 * i + c] = colour(i, c);
		d.data[4 * i + 3] = 255;
	}
	canvas.getContext("2d").putImageData(d, 0, 0);
}

const show = (canvas, image) => paint(canvas, (i, c) => pixel(image, i, c));

/* 0 to 1: black, violet, red, orange, pale yellow, as in the program's own pictures. */
const HEAT = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];
function heat(h, c) {
	const at = Math.max(0, Math.min(h, 1)) * (HEAT.length - 1), i = Math.min(Math.floor(at), HEAT.length - 2);
	return HEAT[i][c] + (at - i) * (HEAT[i + 1][c] - HEAT[i][c]);
}

/* The image in dim gray, what query q takes over it in colour, the query in cyan. */
function showLook(canvas, image, t, row, q) {
	const most = row.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-12);
	paint(canvas, (i, c) => {
		const y = Math.floor(i / W), x = i % W;
		if (Math.floor(y * t.h / H) * t.w + Math.floor(x * t.w / W) === q)
			return [0, 255, 255][c];
		const share = Math.abs(row[Math.floor(y * t.kh / H) * t.kw + Math.floor(x * t.kw / W)]) / most;
		const dim = 0.35 * (0.299 * pixel(image, i, 0) + 0.587 * pixel(image, i, 1) + 0.114 * pixel(image, i, 2));
		const a = 0.85 * Math.min(1, 1.5 * share);
		return (1 - a) * dim + a * heat(share, c);
	});
}

/* ---- state ---- */

const state = {drawn: [], chosen: null, base: null, labels: [0], shifts: program.directions.map(() => 0), query: null,
	out: null, from: null, to: null};

const className = k => program.names[k] === undefined ? String(k) : program.names[k];
const run = (z, labels) => Engine.run(program, z, program.classes ? labels : [0]);

/* ---- new images ---- */

function option(select, value, text) {
	const o = document.createElement("option");
	o.value = value;
	o.textContent = text;
	select.append(o);
}

function drawOne(k) {
	const seed = Number($("seed").value) || 0, chosen = Number($("class").value);
	const label = program.classes ? (chosen < 0 ? k % program.classes : chosen) : 0;
	const item = {z: latent(seed, k), labels: [label]}, button = document.createElement("button");
	const canvas = document.createElement("canvas"), name = document.createElement("span");
	item.image = run(item.z, item.labels).image;
	show(canvas, item.image);
	name.textContent = program.classes ? className(label) : String(k + 1);
	button.type = "button";
	button.setAttribute(SELECTED, "false");
	button.setAttribute("aria-label", `Image ${k + 1}${program.classes ? ", class " + className(label) : ""}`);
	button.append(canvas, name);
	button.addEventListener("click", () => choose(item, button));
	item.button = button;
	return item;
}

/* One after the other, with the page alive between them. */
let turn = 0;
function draw() {
	const mine = ++turn, start = performance.now();
	$("grid").replaceChildren();
	state.drawn = [];
	const next = () => {
		if (mine !== turn)
			return;
		const item = drawOne(state.drawn.length), seconds = (performance.now() - start) / 1000;
		state.drawn.push(item);
		$("grid").append(item.button);
		$("speed").textContent = `${(state.drawn.length / seconds).toFixed(1)} images a second`;
		document.documentElement.dataset.speed = state.drawn.length / seconds;
		if (state.drawn.length === 1)
			choose(item, item.button);
		if (state.drawn.length === 2)
			takeEnds(state.drawn[0], item);
		if (state.drawn.length < IMAGES)
			setTimeout(next, 0);
		else
			document.documentElement.dataset.drawn = state.drawn.length;
	};
	setTimeout(next, 0);
}

/* ---- the chosen image ---- */

function choose(item, button) {
	for (const other of state.drawn)
		other.button.setAttribute(SELECTED, other.button === button);
	state.chosen = item;
	state.base = item.z;
	state.labels = item.labels;
	setShifts(() => 0);
}

function setShifts(f) {
	state.shifts = state.shifts.map(f);
	state.shifts.forEach((x, k) => {
		$("direction" + k).value = x;
		$("shift" + k).textContent = x.toFixed(1);
	});
	update();
}

const shifted = () => state.base.map((v, i) => v + state.shifts.reduce((sum, x, k) => sum + x * program.directions[k][i], 0));

/* After anything that changes the image or the question. */
function update() {
	if (!state.base)
		return;
	state.out = run(shifted(), state.labels);
	look();
}

function look() {
	const t = program.attention[Number($("layer").value)];
	if (!t || state.query === null) {
		show($("big"), state.out.image);
		return;
	}
	const y = Math.floor(state.query / W), x = state.query % W;
	const q = Math.floor(y * t.h / H) * t.w + Math.floor(x * t.w / W);
	const row = Engine.look(t, state.out.values[t.layer], Number($("head").value), q);
	showLook($("big"), state.out.image, t, row, q);
	const most = row.reduce((best, v, i) => Math.abs(v) > Math.abs(row[best]) ? i : best, 0);
	$("look-text").textContent = `Row ${y}, column ${x} (cyan) takes most from row ${Math.floor(most / t.kw)}, column `
		+ `${most % t.kw} of ${t.kh} x ${t.kw}: ${t.shares ? (100 * row[most]).toFixed(1) + " %" : row[most].toFixed(3)}.`
		+ " Brighter is more.";
	document.documentElement.dataset.look = most;
}

function ask(query) {
	state.query = query;
	look();
}

function askAt(event) {
	const box = $("big").getBoundingClientRect();
	const y = Math.floor((event.clientY - box.top) / box.height * H), x = Math.floor((event.clientX - box.left) / box.width * W);
	ask(Math.max(0, Math.min(y, H - 1)) * W + Math.max(0, Math.min(x, W - 1)));
}

const ARROWS = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
function askNear(event) {
	const step = ARROWS[event.key];
	if (!step)
		return;
	event.preventDefault();
	const at = state.query === null ? Math.floor(H / 2) * W + Math.floor(W / 2) : state.query;
	const y = Math.max(0, Math.min(Math.floor(at / W) + step[0], H - 1)), x = Math.max(0, Math.min(at % W + step[1], W - 1));
	ask(y * W + x);
}

function listHeads() {
	const t = program.attention[Number($("layer").value)];
	$("head").replaceChildren();
	if (t && t.heads > 1)
		option($("head"), -1, "mean of all");
	for (let k = 0; t && k < t.heads; k++)
		option($("head"), k, String(k + 1));
}

/* ---- between two ---- */

/* On the sphere, with the length going from one to the other: what lies straight between has too short latents. */
function between(a, b, t) {
	const length = v => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0)), la = length(a), lb = length(b);
	const cos = a.reduce((sum, x, i) => sum + x * b[i], 0) / (la * lb), angle = Math.acos(Math.max(-1, Math.min(cos, 1)));
	const s = Math.sin(angle), far = s > 1e-6;
	const ka = far ? Math.sin((1 - t) * angle) / s : 1 - t, kb = far ? Math.sin(t * angle) / s : t;
	const long = (1 - t) * la + t * lb;
	return a.map((x, i) => long * (ka * x / la + kb * b[i] / lb));
}

function takeEnds(from, to) {
	state.from = from || state.from;
	state.to = to || state.to;
	show($("from"), run(state.from.z, state.from.labels).image);
	show($("to"), run(state.to.z, state.to.labels).image);
	morph();
}

function morph() {
	const t = Number($("share").value), {from, to} = state;
	if (from && to)
		show($("between"), run(between(from.z, to.z, t), [from.labels[0], to.labels[0], t]).image);
}

/* ---- the start ---- */

/* The images that the program drew of the same latents are in the page: a browser that computes wrongly is told. */
function check() {
	const r = program.reference, n = r.labels.length, Z = program.latent, size = H * W * C;
	let worst = 0;
	for (let k = 0; k < n; k++) {
		const {image} = Engine.run(program, r.z.x.subarray(k * Z, (k + 1) * Z), [r.labels[k]]);
		for (let i = 0; i < size; i++)
			worst = Math.max(worst, Math.abs(image[i] - r.images.x[k * size + i]));
	}
	const good = worst <= program.error + 1e-3;
	Object.assign(document.documentElement.dataset, {error: worst, good});
	$("check").textContent = `${program.about} Weights: ${program.width === 2 ? "float16" : "float32"}. Reference images: `
		+ `largest difference ${worst.toExponential(1)} of a range of 2`
		+ (good ? "." : `, more than the ${program.error.toExponential(1)} of the export: this browser computes wrongly.`);
}

function start() {
	$("about").textContent = program.summary;
	if (program.classes) {
		option($("class"), -1, "all, in turn");
		for (let k = 0; k < program.classes; k++)
			option($("class"), k, className(k));
	} else {
		$("class-label").hidden = true;
	}
	program.attention.forEach((t, k) => option($("layer"), k, `${t.name} (${t.type}, ${t.h} x ${t.w})`));
	if (!program.attention.length) {
		$("look-row").hidden = true;
		$("look-text").textContent = "This generator has no attention layer.";
	}
	program.directions.forEach((_, k) => {
		const label = document.createElement("label"), range = document.createElement("input");
		const shown = document.createElement("output");
		Object.assign(range, {type: "range", id: "direction" + k, min: -4, max: 4, step: 0.1, value: 0});
		shown.id = "shift" + k;
		label.append(`Direction ${k + 1}`, range, shown);
		range.addEventListener("input", () => setShifts((x, i) => i === k ? Number(range.value) : x));
		$("sliders").append(label);
	});
	$("draw").addEventListener("click", () => { $("seed").value = (Number($("seed").value) + 1) >>> 0; draw(); });
	$("seed").addEventListener("change", draw);
	$("class").addEventListener("change", draw);
	$("layer").addEventListener("change", () => { listHeads(); look(); });
	$("head").addEventListener("change", look);
	$("clear").addEventListener("click", () => ask(null));
	$("reset").addEventListener("click", () => setShifts(() => 0));
	$("big").addEventListener("click", askAt);
	$("big").addEventListener("keydown", askNear);
	$("share").addEventListener("input", morph);
	const chosen = () => ({z: shifted(), labels: state.labels});
	$("take-from").addEventListener("click", () => takeEnds(chosen(), null));
	$("take-to").addEventListener("click", () => takeEnds(null, chosen()));
	listHeads();
	check();
	draw();
}

start();
