/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What needs a script, and only that: one set of filters and one stretch of time for all tables, figures of the heatmap's
 * cells, and links that open what they lead to. No figure is worked out here: rows are shown or not, heats are cut.
 */
"use strict";
(() => {
	/* What a filter is called in the tables. */
	const NAMES = { flow: ["flow"], object: ["object", "disk"], op: ["op"], task: ["task", "program"] };
	const OPTIONS = { flow: "--flow", object: "--object", op: "--op", task: "--task" };
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
		return { element, columns, rows, at, start: columns.indexOf("start_ns"), dur: columns.indexOf("dur_ns") };
	}

	/* "read, cached" is a read. */
	function plain(key, text) {
		return key === "op" ? text.split(", ")[0] : text;
	}

	function values(key) {
		const found = new Map();
		for (const t of tables)
			if (t.at[key] !== undefined)
				for (const r of t.rows) {
					const v = plain(key, r.texts[t.at[key]]);
					if (v && v !== "-")
						found.set(v, true);
				}
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

	function apply() {
		const on = Object.keys(selects).filter(k => selects[k].value);
		for (const t of tables) {
			const knows = on.filter(k => t.at[k] !== undefined), time = !zoomed() || t.start >= 0 || heats.includes(t);
			for (const r of t.rows) {
				const hide = !within(t, r) || knows.some(k => plain(k, r.texts[t.at[k]]) !== selects[k].value);
				r.element.hidden = hide;
				if (r.more)
					r.more.hidden = hide;
			}
			t.element.classList.toggle("all", knows.length < on.length || !time);
			blank(t);
		}
		heats.forEach(cut);
		/* A name may hold anything: it is one word to a shell all the same. */
		const words = on.map(k => OPTIONS[k] + " '" + selects[k].value.replaceAll("'", "'\\''") + "'");
		if (zoomed())
			words.push("--since " + span.from + "s", "--until " + span.to + "s");
		note.textContent = words.length ? "Rows and heats that match; figures, and tables in grey, are of the whole. A page of only this: ktrace-report "
			+ words.join(" ") + " --html part.html run.db" : "";
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
	make_form();
	heats.filter(t => t.n).forEach(watch);
	apply();
	addEventListener("hashchange", open_target);
	open_target();
})();
