/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What needs a script, and only that: one set of filters and one stretch of time for all tables, figures of the heatmap's
 * cells, and links that open what they lead to. No figure is worked out here: rows are shown or not, heats are cut.
 */
"use strict";
(() => {
	/* What a filter is called in the tables. */
	const NAMES = { flow: ["flow"], object: ["object", "disk"], op: ["op"], task: ["task", "program"], cgroup: ["cgroup"] };
	const OPTIONS = { flow: "--flow", object: "--object", op: "--op", task: "--task", cgroup: "--cgroup" };
	/* The page's own filters, as its head says them: what they name, and their words. */
	const own = [...document.querySelectorAll(".of code")].map(e => {
		const [, option, value] = e.textContent.trim().match(/^(\S+)\s*([^]*)$/);
		return [option === "--disk" ? "--object" : option, value];
	});
	const of_one_report = document.getElementById("report") !== null;
	const tables = [...document.querySelectorAll("main > section table[data-t]")].filter(t => !t.closest(".flow")).map(read);
	const heats = tables.filter(t => t.element.classList.contains("heats"));
	const span = { from: 0, to: 0, first: 0, last: 0 };

	function make(tag, attributes, ...inside) {
		const e = document.createElement(tag);
		for (const [k, v] of Object.entries(attributes || {}))
			e.setAttribute(k, v);
		e.append(...inside);
		return e;
	}

	function read(element) {
		const columns = [...element.tHead.rows[0].cells].map(c => c.dataset.c);
		const rows = [...element.tBodies[0].rows].filter(r => !r.classList.contains("more")).map(r => ({
			element: r, more: r.nextElementSibling && r.nextElementSibling.classList.contains("more") ? r.nextElementSibling : null,
			cells: [...r.cells], texts: [...r.cells].map(c => c.textContent),
		}));
		const at = {};
		for (const [key, names] of Object.entries(NAMES))
			at[key] = names.map(n => columns.indexOf(n)).filter(i => i >= 0)[0];
		for (const r of rows) {
			r.words = {};
			for (const [key, i] of Object.entries(at))
				if (i !== undefined)
					r.words[key] = plain(key, r.texts[i]);
		}
		return { element, columns, rows, keys: Object.keys(at).filter(k => at[k] !== undefined), start: columns.indexOf("start_ns"), dur: columns.indexOf("dur_ns") };
	}

	/* "read, cached" is a read. */
	function plain(key, text) {
		return key === "op" ? text.split(", ")[0] : text;
	}

	/* A cgroup is also that of those below it. */
	function matches(key, word, wanted) {
		return word === wanted || (key === "cgroup" && word && (wanted === "/" || word.startsWith(wanted + "/")));
	}

	/* The slowest have their cgroup in JSON only: there it is no column. */
	function read_cgroups() {
		const json = [...document.querySelectorAll("script[data-report=slow]")]
			.map(s => JSON.parse(s.textContent).tables.slow || []).filter(rows => rows.length);
		tables.filter(t => t.element.closest("#slow") && t.element.dataset.t === "slow").forEach((t, i) => {
			if (!json[i] || json[i].length !== t.rows.length || !("cgroup" in json[i][0]))
				return;
			t.keys.push("cgroup");
			t.rows.forEach((r, n) => { r.words.cgroup = json[i][n].cgroup; });
		});
	}

	function values(key) {
		const found = new Map();
		for (const t of tables)
			for (const r of t.rows)
				if (r.words[key] && r.words[key] !== "-")
					found.set(r.words[key], true);
		return [...found.keys()].sort();
	}

	/* Heats are in the order of their reports' JSON. */
	function read_heats() {
		const json = [...document.querySelectorAll("script[data-report=heatmap]")]
			.map(s => JSON.parse(s.textContent).tables.heatmap || []).filter(rows => rows.length);
		heats.forEach((t, i) => {
			t.data = json[i] || [];
			t.axis = t.element.querySelector(".axis");
			const d = t.data[0];
			if (!d)
				return;
			t.from = d.start_ns / 1e9;
			t.slot = d.slot_ns / 1e9;
			t.n = d.heat.length;
			span.first = span.last ? Math.min(span.first, t.from) : t.from;
			span.last = Math.max(span.last, t.from + t.slot * t.n);
		});
		span.from = span.first;
		span.to = span.last;
	}

	function zoomed() {
		return span.from > span.first || span.to < span.last;
	}

	function within(t, r) {
		if (!zoomed() || t.start < 0)
			return true;
		const start = Number(r.cells[t.start].dataset.v) / 1e9;
		const end = start + (t.dur >= 0 ? Number(r.cells[t.dur].dataset.v || 0) / 1e9 : 0);
		return end >= span.from && start < span.to;
	}

	/* Repeated names are blank only below the row that they repeat. */
	function blank(t) {
		let above = null;
		for (const r of t.rows) {
			if (r.element.hidden)
				continue;
			let same = above !== null;
			r.cells.forEach((cell, c) => {
				const s = cell.firstElementChild;
				if (!s || !(s.classList.contains("vh") || s.classList.contains("was")))
					return;
				same = same && above.texts[c] === r.texts[c];
				s.className = same ? "vh" : "was";
			});
			above = r;
		}
	}

	function cut(t) {
		if (!t.n)
			return;
		const a = Math.max(0, Math.floor((span.from - t.from) / t.slot)), b = Math.min(t.n, Math.ceil((span.to - t.from) / t.slot));
		t.a = a;
		t.b = Math.max(b, a + 1);
		for (const svg of t.element.querySelectorAll("svg.heat"))
			svg.setAttribute("viewBox", a + " 0 " + (t.b - a) + " 10");
		[...t.axis.children].forEach((e, i) => {
			e.textContent = Number((t.from + t.slot * (a + (t.b - a) * i / 4)).toPrecision(4)) + " s";
		});
	}

	const selects = {};
	const note = make("output", { "aria-live": "polite" });
	const inputs = {};

	/* A name may hold anything: it is one word to a shell all the same. */
	function quote(word) {
		return "'" + word.replaceAll("'", "'\\''") + "'";
	}

	/* What was chosen here, after the page's own filters that it does not replace. */
	function command(on) {
		const chosen = on.map(k => [OPTIONS[k], quote(selects[k].value)]);
		if (zoomed())
			chosen.push(["--since", span.from + "s"], ["--until", span.to + "s"]);
		const kept = own.filter(([option]) => !chosen.some(c => c[0] === option)).map(([option, value]) => [option, value && quote(value)]);
		return [...kept, ...chosen].flat().filter(word => word).join(" ");
	}

	function apply() {
		const on = Object.keys(selects).filter(k => selects[k].value);
		for (const t of tables) {
			const knows = on.filter(k => t.keys.includes(k)), time = !zoomed() || t.start >= 0 || heats.includes(t);
			for (const r of t.rows) {
				const hide = !within(t, r) || knows.some(k => !matches(k, r.words[k], selects[k].value));
				r.element.hidden = hide;
				if (r.more)
					r.more.hidden = hide;
			}
			t.element.classList.toggle("all", knows.length < on.length || !time);
			blank(t);
		}
		heats.forEach(cut);
		note.textContent = on.length || zoomed() ? "Rows and heats that match; figures, and tables in grey, are of the whole."
			+ (of_one_report ? "" : " A page of only this: ktrace-report " + command(on) + " --html part.html run.db") : "";
		for (const k of ["from", "to"])
			inputs[k].value = Number(span[k].toFixed(3));
	}

	function set_span(from, to) {
		span.from = Math.max(span.first, Math.min(from, to));
		span.to = Math.min(span.last, Math.max(from, to));
		if (!(span.to > span.from)) {
			span.from = span.first;
			span.to = span.last;
		}
		apply();
	}

	function reset() {
		for (const s of Object.values(selects))
			s.value = "";
		set_span(span.first, span.last);
	}

	function make_form() {
		const form = make("form", { "aria-label": "Filters", class: "filters" });
		for (const key of Object.keys(NAMES)) {
			const list = values(key);
			if (list.length < 2)
				continue;
			selects[key] = make("select", {}, make("option", { value: "" }, "all"), ...list.map(v => make("option", { value: v }, v)));
			selects[key].addEventListener("change", apply);
			form.append(make("label", {}, key + " ", selects[key]));
		}
		for (const key of ["from", "to"]) {
			inputs[key] = make("input", { type: "number", step: "any", min: span.first, max: span.last });
			inputs[key].addEventListener("change", () => set_span(Number(inputs.from.value), Number(inputs.to.value)));
			if (span.last > span.first)
				form.append(make("label", {}, key + " ", inputs[key], " s"));
		}
		const button = make("button", { type: "button" }, "Show all");
		button.addEventListener("click", reset);
		form.append(button, note);
		form.addEventListener("submit", e => e.preventDefault());
		document.querySelector("nav").after(form);
	}

	/* A cell's figures where the pointer is; what is dragged over is zoomed into. */
	function watch(t) {
		const said = make("p", { class: "about cell" }, "Drag over the heatmap to zoom in; point at a cell for its figures.");
		let begin = null;
		t.element.closest(".scroll").after(said);
		function time_at(e) {
			const svg = t.element.querySelector("tr:not([hidden]) svg.heat");
			const box = (svg || t.element).getBoundingClientRect();
			return t.a + Math.max(0, Math.min(1, (e.clientX - box.left) / box.width)) * (t.b - t.a);
		}
		t.element.addEventListener("pointerdown", e => {
			begin = e.target.closest("td.d") ? time_at(e) : null;
		});
		t.element.addEventListener("pointermove", e => {
			const row = e.target.closest("tr"), i = t.rows.findIndex(r => r.element === row);
			if (i < 0 || !e.target.closest("td.d"))
				return;
			const slot = Math.min(t.n - 1, Math.floor(time_at(e))), at = t.from + slot * t.slot;
			said.textContent = t.rows[i].texts.slice(0, t.columns.indexOf("n")).join(" ") + ", ended from " + at.toFixed(3) + " s to " + (at + t.slot).toFixed(3)
				+ " s: " + t.data[i].heat[slot];
		});
		t.element.addEventListener("pointerup", e => {
			const end = begin === null ? null : time_at(e);
			if (end !== null && Math.abs(end - begin) >= 1)
				set_span(t.from + Math.floor(Math.min(begin, end)) * t.slot, t.from + Math.ceil(Math.max(begin, end)) * t.slot);
			begin = null;
		});
	}

	function open_target() {
		const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
		const more = row && row.nextElementSibling;
		if (more && more.classList.contains("more"))
			more.querySelector("details").open = true;
	}

	read_heats();
	read_cgroups();
	make_form();
	heats.filter(t => t.n).forEach(watch);
	apply();
	addEventListener("hashchange", open_target);
	open_target();
})();
