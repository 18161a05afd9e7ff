/* check.js PAGE.html .. - the engine of each page in Node: its images of the reference latents against the network's
 * (which a page of float16 holds rounded, by at most 2.4e-4), and attention maps against those in PAGE.maps.json, where
 * there are any (tests/test_web.c writes them). A line and an exit status. */
"use strict";

const fs = require("fs");

/* The text of the script with this id. */
function script(page, id) {
	const from = page.indexOf(">", page.indexOf(`id="${id}"`)) + 1;
	return page.slice(from, page.indexOf("</script>", from));
}

function open(path) {
	const page = fs.readFileSync(path, "utf8"), engine = {exports: {}};
	const from = page.indexOf("/* engine.js"), code = page.slice(from, page.indexOf("</script>", from));
	new Function("module", code)(engine);
	const bytes = new Uint8Array(Buffer.from(script(page, "weights"), "base64"));
	return [engine.exports, engine.exports.load(JSON.parse(script(page, "program")), bytes)];
}

/* Largest difference over the reference latents; and how long an image takes. */
function images(Engine, program) {
	const r = program.reference, Z = program.latent, size = program.image.reduce((n, d) => n * d, 1);
	const start = process.hrtime.bigint();
	let worst = 0;
	for (let k = 0; k < r.labels.length; k++) {
		const {image} = Engine.run(program, r.z.x.subarray(k * Z, (k + 1) * Z), [r.labels[k]]);
		if (image.length !== size)
			return [Infinity, 0];
		for (let i = 0; i < size; i++)
			worst = Math.max(worst, Number.isNaN(image[i]) ? Infinity : Math.abs(image[i] - r.images.x[k * size + i]));
	}
	return [worst, r.labels.length / (Number(process.hrtime.bigint() - start) / 1e9)];
}

/* maps: for each attention layer and head rows of the map of reference latent 0, {layer, head, q, row}. */
function maps(Engine, program, wanted) {
	const {values} = Engine.run(program, program.reference.z.x.subarray(0, program.latent), [program.reference.labels[0]]);
	let worst = 0;
	for (const w of wanted) {
		const t = program.attention[w.layer], row = Engine.look(t, values[t.layer], w.head, w.q);
		if (row.length !== w.row.length)
			return Infinity;
		w.row.forEach((x, i) => { worst = Math.max(worst, Number.isNaN(row[i]) ? Infinity : Math.abs(x - row[i])); });
	}
	return worst;
}

let bad = 0;
for (const path of process.argv.slice(2)) {
	const [Engine, program] = open(path), beside = path.replace(/html$/, "maps.json");
	const [worst, speed] = images(Engine, program);
	const wanted = fs.existsSync(beside) ? JSON.parse(fs.readFileSync(beside, "utf8")) : [];
	const map = maps(Engine, program, wanted), most = program.error + 3e-4;
	const good = worst <= most && map <= (program.width === 2 ? 1e-2 : 1e-3);
	console.log(`${good ? "ok" : "FAILED"} ${path}: images ${worst.toExponential(1)} (at most ${most.toExponential(1)}), `
		+ `${wanted.length} rows of maps ${map.toExponential(1)}, ${speed.toFixed(1)} images a second`);
	bad += !good;
}
process.exit(bad ? 1 : 0);
