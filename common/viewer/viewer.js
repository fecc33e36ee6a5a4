/*
 * The page. Lines come from worker.js, which see, and are held here; of those
 * that pass the filter only the few in the window are in the document.
 *
 * Text from a log becomes text nodes and nothing else. What the page is told
 * to show stands in the fragment of its address.
 */
'use strict';

const KEEP = 50000; /* lines; twice as many while somebody reads them */
const SLACK = 2000; /* that many are let go of at once */
const OLDER = 500; /* lines asked for at a time */
const TEXT_MAX = 10000; /* characters of a line in the document */
const ROWS_MAX = 150;
const PIECES = 850; /* stretches of a look of their own, in all rows... */
const ROW_PIECES = 6; /* ...where a row counts for two, and may have so many */
const OVERSCAN = 160; /* pixels above and below the window */
const LINE = 20; /* pixels; as in viewer.css */
const SPEAK_MS = 10000;

const $ = (id) => document.getElementById(id);
const sources = JSON.parse($('sources').textContent);
const byName = new Map(sources.map((source, i) => [source.name, i]));
const log = $('log');
const space = $('space');
const rows = $('rows');

/* What the address says. */
const view = {
	names: [],
	filter: '',
	regex: false,
	only: true,
	level: '',
	wrap: false,
};

/* ---- heights of lines: those never seen are estimated */

const BLOCK = 256;

class Heights {
	constructor() {
		this.reset([]);
	}

	reset(list) {
		this.list = list;
		this.blocks = [];
		this.total = 0;
		for (let i = 0; i < list.length; i++)
			this.count(i, list[i]);
	}

	count(i, height) {
		const block = Math.floor(i / BLOCK);

		this.blocks[block] = (this.blocks[block] || 0) + height;
		this.total += height;
	}

	push(height) {
		this.list.push(height);
		this.count(this.list.length - 1, height);
	}

	set(i, height) {
		this.count(i, height - this.list[i]);
		this.list[i] = height;
	}

	/* Where line i begins. */
	top(i) {
		const block = Math.floor(i / BLOCK);
		let y = 0;

		for (let b = 0; b < block; b++)
			y += this.blocks[b];
		for (let j = block * BLOCK; j < i; j++)
			y += this.list[j];
		return y;
	}

	/* Which line is there; the first or last where none is. */
	at(y) {
		let block = 0;

		while (block < this.blocks.length - 1 && y >= this.blocks[block])
			y -= this.blocks[block++];
		let i = block * BLOCK;

		while (i < this.list.length - 1 && y >= this.list[i])
			y -= this.list[i++];
		return i;
	}
}

/* ---- what a line looks like */

/* ECMA-48: colours; other sequences; strings, such as titles and links. */
const ESCAPE = new RegExp('\\x1b\\[([0-9;:]*)m|\\x1b\\[[0-?]*[ -/]*[@-~]|' +
	'\\x1b[\\]PX^_][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\)?|\\x1b[ -/]*[0-~]?', 'g');

function plain(text) {
	return text.includes('\x1b') ? text.replace(ESCAPE, '') : text;
}

/* Controls become visible, and what turns the direction of text, so that it
 * could pretend to be another, harmless. As long as before. */
function visible(text) {
	return text.replace(/[\x00-\x08\x0b-\x1f]/g,
		(c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
		.replace(/[\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

const NO_LOOK = { front: null, back: null, names: [] };

function colour256(n) {
	const level = (k) => (k ? 55 + k * 40 : 0);

	if (n < 16)
		return n % 8;
	if (n >= 232)
		return 'rgb(' + [0, 0, 0].fill(8 + (n - 232) * 10).join() + ')';
	n -= 16;
	return 'rgb(' + [Math.floor(n / 36), Math.floor(n / 6) % 6, n % 6]
		.map(level).join() + ')';
}

/* The colour behind 38 or 48, and how many numbers it took. */
function extended(codes, i) {
	const byte = (n) => Math.min(255, n || 0);

	if (codes[i] === 5)
		return [colour256(byte(codes[i + 1])), 2];
	if (codes[i] === 2)
		return ['rgb(' + [1, 2, 3].map((k) => byte(codes[i + k])).join() +
			')', 4];
	return [null, 1];
}

const LOOKS = { 1: 'bold', 2: 'faint', 3: 'italic', 4: 'underline', 7: 'inverse',
	9: 'struck' };
const LOOKS_OFF = { 22: ['bold', 'faint'], 23: ['italic'], 24: ['underline'],
	27: ['inverse'], 29: ['struck'] };

function without(names, some) {
	return names.filter((name) => !some.includes(name));
}

/* The look after a "select graphic rendition". */
function rendition(look, parameters) {
	const codes = parameters.split(/[;:]/).map(Number);
	let { front, back, names } = look;

	for (let i = 0; i < codes.length; i++) {
		const code = codes[i];
		let took = 0;

		if (code === 0)
			({ front, back, names } = NO_LOOK);
		else if (LOOKS[code])
			names = without(names, LOOKS[code]).concat(LOOKS[code]);
		else if (LOOKS_OFF[code])
			names = without(names, LOOKS_OFF[code]);
		else if (code === 38)
			[front, took] = extended(codes, i + 1);
		else if (code === 48)
			[back, took] = extended(codes, i + 1);
		else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))
			front = code % 10;
		else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107))
			back = code % 10;
		else if (code === 39)
			front = null;
		else if (code === 49)
			back = null;
		i += took;
	}
	return { front, back, names };
}

/* Where in the plain text each look begins: [[offset, look]]. */
function looksOf(text) {
	const looks = [[0, NO_LOOK]];
	let look = NO_LOOK;
	let removed = 0;

	if (!text.includes('\x1b'))
		return looks;
	for (const match of text.matchAll(ESCAPE)) {
		if (match[1] !== undefined) {
			look = rendition(look, match[1]);
			looks.push([match.index - removed, look]);
		}
		removed += match[0].length;
	}
	return looks;
}

/* Cuts a line where its look changes and where a match begins or ends. */
function piecesOf(line, limit) {
	const text = plain(line.text).slice(0, TEXT_MAX);
	const looks = looksOf(line.text);
	const matches = line.kind === 'line' ? matcher.ranges(text) : [];
	const pieces = [];
	let look = 0;
	let match = 0;
	let at = 0;

	while (at < text.length) {
		while (look + 1 < looks.length && looks[look + 1][0] <= at)
			look++;
		while (match < matches.length && matches[match][1] <= at)
			match++;
		const range = matches[match] || [text.length, text.length];
		const isMatch = range[0] <= at;
		let end = Math.min(isMatch ? range[1] : range[0],
			look + 1 < looks.length ? looks[look + 1][0] : text.length);

		if (pieces.length >= limit - 1)
			end = text.length;
		pieces.push({ text: text.slice(at, end), look: looks[look][1], isMatch });
		at = end;
	}
	return pieces;
}

function setColour(element, property, letter, colour) {
	if (typeof colour === 'number')
		element.classList.add(letter + colour);
	else if (colour !== null)
		element.style.setProperty(property, colour);
}

function pieceNode({ text, look, isMatch }) {
	const node = document.createTextNode(visible(text));

	if (!isMatch && look.front === null && look.back === null &&
		!look.names.length)
		return node;
	const element = document.createElement(isMatch ? 'mark' : 'span');

	element.append(node);
	element.classList.add(...look.names);
	if (!isMatch) {
		const isInverse = look.names.includes('inverse');

		setColour(element, 'color', 'f', isInverse ? look.back : look.front);
		setColour(element, 'background-color', 'g',
			isInverse ? look.front : look.back);
	}
	return element;
}

function rowOf(line, limit) {
	const row = document.createElement('div');
	const text = document.createElement('span');
	const pieces = piecesOf(line, limit);
	const more = plain(line.text).length - TEXT_MAX;

	row.className = 'row s' + line.source % 8;
	if (line.level)
		row.classList.add(line.level);
	if (line.kind !== 'line')
		row.classList.add(line.kind === 'gap' ? 'gap' : 'note');
	if (line === here)
		row.classList.add('here');
	if (view.names.length > 1) {
		const label = document.createElement('b');

		label.textContent = sources[line.source].name;
		row.append(label);
	}
	text.append(...pieces.map(pieceNode));
	if (more > 0)
		text.append(' \u2026 ' + count(more, 'more character'));
	row.append(text);
	row.pieces = pieces.length;
	return row;
}

/* ---- levels */

const CALM = /(?:^|[\s[|"=:<])(?:debug|info|notice|trace)(?:[\s\]|":,>]|$)/i;
const HARMLESS = /\b(?:0|no|without) (?:error|failure|warning)s?\b/gi;
const ERROR = new RegExp('\\b(?:emerg(?:ency)?|crit(?:ical)?|fatal|panic|' +
	'err(?:or)?|severe|exception|traceback|segfault|failed|failure)\\b|' +
	'\\[alert\\]|" 5\\d\\d ', 'i');
const WARNING = /\b(?:warn(?:ing)?|deprecated)\b|" 4\d\d /i;

/* A level that the line names itself wins over words further on. */
function levelOf(text) {
	const head = plain(text.slice(0, 2000));

	if (CALM.test(head.slice(0, 100)))
		return '';
	const said = head.replace(HARMLESS, '');

	if (ERROR.test(said))
		return 'error';
	return WARNING.test(said) ? 'warning' : '';
}

/* ---- the filter */

/* Capitals count where the pattern has some. */
function makeMatcher(pattern, isRegex) {
	const source = isRegex ? pattern :
		pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
	const flags = pattern.toLowerCase() === pattern ? 'gi' : 'g';

	if (!pattern)
		return { test: () => true, ranges: () => [], isEmpty: true };
	const regex = new RegExp(source, flags);

	return {
		test(text) {
			regex.lastIndex = 0;
			return regex.test(text);
		},
		ranges(text) {
			const ranges = [];

			for (const match of text.matchAll(regex))
				if (match[0])
					ranges.push([match.index,
						match.index + match[0].length]);
			return ranges;
		},
		isEmpty: false,
	};
}

let matcher = makeMatcher('', false);

function setMatcher() {
	let isFaulty = false;

	try {
		matcher = makeMatcher(view.filter, view.regex);
	} catch (error) {
		isFaulty = true;
	}
	$('query').setAttribute('aria-invalid', isFaulty);
	say(isFaulty ? 'This is no regular expression yet.' : '');
}

function passesLevel(line) {
	return !view.level || line.level === 'error' || line.level === view.level;
}

/* What is no line of a log is always shown. */
function passes(line) {
	if (line.kind !== 'line')
		return true;
	return passesLevel(line) &&
		(!view.only || matcher.isEmpty || matcher.test(plain(line.text)));
}

/* ---- the lines */

const heights = new Heights();
let lines = []; /* all that are held, in order of seq */
let shown = []; /* those that pass */
let nextSeq = 0;
let oldest = new Map(); /* by source's name: the place before what is held */
const exhausted = new Set(); /* names of sources that have nothing older */

let isFollowing = true;
let isPaused = false;
let waitingRecords = []; /* while paused */
let hasPassedOver = false; /* some of them were more than can be held */
let anchor = { seq: 0, delta: 0 }; /* what is at the top, when not following */
let fresh = 0; /* lines below that came since */
let here = null; /* the line that n and e went to */

const metrics = { columns: 80, labelColumns: 0 };

function estimate(line) {
	const text = line.text;

	if (!view.wrap && !text.includes('\n'))
		return LINE;
	let height = 0;

	for (const part of text.slice(0, TEXT_MAX).split('\n'))
		height += LINE * (view.wrap ?
			Math.max(1, Math.ceil(part.length / metrics.columns)) : 1);
	return height;
}

function estimateAll() {
	heights.reset(shown.map(estimate));
}

function filterAll() {
	shown = lines.filter(passes);
	estimateAll();
	redraw();
}

function makeLine(name, kind, text, place) {
	return { seq: nextSeq++, source: byName.get(name), kind, text, place,
		level: kind === 'line' ? levelOf(text) : '' };
}

function append(line) {
	lines.push(line);
	if (!passes(line))
		return;
	shown.push(line);
	heights.push(estimate(line));
	if (!isFollowing)
		fresh++;
}

/* The index of the first line in `list` from `seq` on. */
function indexOfSeq(list, seq) {
	let low = 0;
	let high = list.length;

	while (low < high) {
		const middle = (low + high) >> 1;

		if (list[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Lets go of the oldest. They can be asked for again. */
function trim() {
	const keep = isFollowing ? KEEP : 2 * KEEP;
	const excess = lines.length - keep;

	if (excess < SLACK)
		return;
	for (const line of lines.slice(0, excess))
		forget(sources[line.source].name, line.place);
	lines = lines.slice(excess);
	const hidden = indexOfSeq(shown, lines[0].seq);

	shown = shown.slice(hidden);
	heights.reset(heights.list.slice(hidden));
}

function forget(name, place) {
	if (place)
		oldest.set(name, place);
	exhausted.delete(name);
}

const MISSING = {
	rotated: 'the file was rotated away',
	truncated: 'the file was truncated',
	deleted: 'the file was deleted',
	late: 'lines came to a rotated file whose place had been let go',
	compressed: 'the file is compressed now',
	overlong: 'the line that follows was too long',
	'unknown-id': 'the place to go on at is unknown',
	spool: 'it is not kept any more',
};

const WAITING = {
	absent: 'no such file yet',
	behind: 'what you have had is not here yet',
	permission: 'no permission to read it',
	'not-a-file': 'it is no file',
	unreadable: 'it cannot be read',
};

function parsed(text) {
	try {
		return JSON.parse(text) || {};
	} catch (error) {
		return {};
	}
}

function gapText(data) {
	const { reason, bytes } = parsed(data);

	return 'Missing here: ' +
		(Number.isInteger(bytes) ? count(bytes, 'byte') : 'nobody knows how much') +
		'; ' + (MISSING[reason] || reason) + '.';
}

function waitingText(reason) {
	return WAITING[reason] || String(reason);
}

const waiting = new Map(); /* by source's name: the reason */
let unspoken = 0;
let unspokenErrors = 0;

/* A record of the worker's. */
function take([name, kind, text, place]) {
	if (!byName.has(name) || !view.names.includes(name))
		return;
	if (kind === 'start' || kind === 'join') {
		forget(name, place);
		if (kind === 'join')
			askOlder(name, sources[byName.get(name)].history || 10);
		return;
	}
	if (kind === 'checkpoint')
		return;
	if (kind === 'gap') {
		append(makeLine(name, 'gap', gapText(text), place));
	} else if (kind === 'waiting') {
		append(makeLine(name, 'note',
			'Waiting: ' + waitingText(parsed(text).reason) + '.', place));
	} else {
		const line = makeLine(name, 'line', text, place);

		append(line);
		unspoken++;
		unspokenErrors += line.level === 'error';
	}
}

/* A pause does not hold back the truth. */
function noteWaiting([name, kind, text]) {
	if (kind === 'waiting')
		waiting.set(name, parsed(text).reason);
	else if (kind !== 'gap')
		waiting.delete(name);
}

function hear(records) {
	for (const record of records)
		if (view.names.includes(record[0]))
			noteWaiting(record);
	takeAll(records);
}

function takeAll(records) {
	if (!isPaused) {
		for (const record of records)
			take(record);
	} else {
		waitingRecords = waitingRecords.concat(records);
		if (waitingRecords.length > KEEP + SLACK)
			passOver(waitingRecords.length - KEEP);
	}
	trim();
	schedule();
}

/* Too much came during a pause: only the newest will be shown. */
function passOver(excess) {
	hasPassedOver = true;
	for (const [name, , , place] of waitingRecords.slice(0, excess))
		forget(name, place);
	waitingRecords = waitingRecords.slice(excess);
}

function goOn() {
	const records = waitingRecords;

	isPaused = false;
	waitingRecords = [];
	if (hasPassedOver) {
		lines = [];
		shown = [];
		estimateAll();
	}
	hasPassedOver = false;
	takeAll(records);
}

function setPaused(on) {
	if (on === isPaused)
		return;
	if (on)
		isPaused = true;
	else
		goOn();
	press('pause', on);
	$('pause').textContent = on ? 'Go on' : 'Pause';
	speak(on ? 'Paused.' : 'Going on.');
	if (!on)
		follow();
	schedule();
}

/* ---- older lines */

const asked = new Set(); /* names */

function askOlder(name, tail) {
	const before = oldest.get(name);

	if (!before || asked.has(name))
		return;
	asked.add(name);
	tell({ older: { source: name, before, tail } });
	showPast();
}

function hasPast(name) {
	return oldest.has(name) && !exhausted.has(name) &&
		sources[byName.get(name)].type !== 'clock';
}

function older() {
	letGo();
	for (const name of view.names)
		if (hasPast(name))
			askOlder(name, OLDER);
}

function takeOlder({ source, records, error }) {
	const past = records.filter(([, kind]) => kind === 'line' || kind === 'gap');

	if (!asked.delete(source) || !view.names.includes(source))
		return;
	for (const [, kind, , place] of records)
		if (kind === 'start')
			oldest.set(source, place);
	if (!error && !past.some(([, kind]) => kind === 'line'))
		exhausted.add(source);
	showPast(error && source + ': ' + error);
	prepend(source, past);
}

/* Sequence numbers go on below those of the first line. */
function prepend(source, records) {
	const next = nextSeq;
	const more = records.map(([name, kind, text, place]) => makeLine(name, kind,
		kind === 'gap' ? gapText(text) : text, place));
	let seq = lines.length ? lines[0].seq : next;

	if (view.names.length > 1 && more.length)
		more.unshift(makeLine(source, 'note',
			count(more.length, 'older line') + ' of ' + source + ':', ''));
	if (lines.length)
		nextSeq = next;
	seq -= lines.length ? more.length : 0;
	for (const line of more)
		line.seq = seq++;
	if (!more.length)
		return;
	lines = more.concat(lines);
	speak(count(more.length, 'older line'));
	filterAll();
}

function showPast(error) {
	const names = view.names.filter(hasPast);
	const isAll = view.names.some((name) => exhausted.has(name));

	$('older').disabled = !names.length || asked.size > 0;
	$('past-note').textContent = error || (asked.size ? 'asking\u2026' :
		!names.length && isAll ? 'Nothing older can be asked for.' : '');
}

/* ---- the window */

let drawn = new Map(); /* by line: its row */
let isScheduled = false;
let lastTop = -1; /* where we scrolled to */

function schedule() {
	if (isScheduled)
		return;
	isScheduled = true;
	requestAnimationFrame(() => {
		isScheduled = false;
		render();
	});
}

/* Rows look different now. */
function redraw() {
	drawn.clear();
	rows.replaceChildren();
	schedule();
}

/* Makes the rows of lines first to last be those in the document. */
function paint(first, last) {
	const before = drawn;
	let budget = PIECES - 2 * (last - first + 1);
	let node = rows.firstChild;

	drawn = new Map();
	for (let i = first; i <= last; i++) {
		const line = shown[i];
		const share = Math.floor(budget / (last - i + 1));
		const row = before.get(line) ||
			rowOf(line, Math.max(share, ROW_PIECES - 4));

		budget -= row.pieces;
		drawn.set(line, row);
		if (row === node)
			node = node.nextSibling;
		else
			rows.insertBefore(row, node);
	}
	for (const [line, row] of before)
		if (!drawn.has(line))
			row.remove();
}

/* True: a row is not as high as it was thought to be. */
function measure(first, last) {
	let isOther = false;

	for (let i = first; i <= last; i++) {
		const height = drawn.get(shown[i]).offsetHeight;

		if (height !== heights.list[i]) {
			heights.set(i, height);
			isOther = true;
		}
	}
	return isOther;
}

/* Where in the lines the window begins. */
function windowTop() {
	if (isFollowing)
		return Math.max(0, heights.total - log.clientHeight);
	const i = indexOfSeq(shown, anchor.seq);

	if (i >= shown.length)
		return Math.max(0, heights.total - log.clientHeight);
	return heights.top(i) + anchor.delta;
}

function render() {
	const head = space.offsetTop;
	const height = log.clientHeight;
	let first = 0;

	if (!height) {
		showCounts();
		return;
	}
	for (let pass = 0; pass < 4 && shown.length; pass++) {
		const top = windowTop();

		first = heights.at(top - OVERSCAN);
		const last = Math.min(heights.at(top + height + OVERSCAN),
			first + ROWS_MAX - 1);

		paint(first, last);
		if (!measure(first, last))
			break;
	}
	if (!shown.length)
		redrawEmpty();
	space.style.height = heights.total + 'px';
	rows.style.transform = 'translateY(' + heights.top(first) + 'px)';
	scrollTo(isFollowing ? log.scrollHeight - height : windowTop() + head);
	if (log.scrollTop + height >= log.scrollHeight - 1)
		fresh = 0; /* they are in sight */
	showCounts();
}

function redrawEmpty() {
	drawn.clear();
	rows.replaceChildren();
}

function scrollTo(top) {
	if (Math.abs(log.scrollTop - top) >= 1)
		log.scrollTop = top;
	lastTop = log.scrollTop;
}

function setAnchor() {
	const y = log.scrollTop - space.offsetTop;
	const i = heights.at(Math.max(0, y));

	anchor = shown.length ? { seq: shown[i].seq, delta: y - heights.top(i) } :
		{ seq: 0, delta: 0 };
}

function letGo() {
	if (isFollowing) {
		isFollowing = false;
		fresh = 0;
	}
	setAnchor();
	schedule();
}

function follow() {
	isFollowing = true;
	fresh = 0;
	trim();
	schedule();
}

function scrolled() {
	const end = log.scrollHeight - log.clientHeight;

	if (Math.abs(log.scrollTop - lastTop) < 1)
		return;
	lastTop = log.scrollTop;
	if (log.scrollTop < end - 2)
		letGo();
	else if (!isFollowing)
		follow();
	schedule();
}

function scrollBy(pixels) {
	log.scrollTop += pixels;
	scrolled();
}

/* To the next line, in a direction, that is wanted. */
function go(step, isWanted) {
	let i = here && indexOfSeq(shown, here.seq) < shown.length ?
		indexOfSeq(shown, here.seq) + step :
		step > 0 ? heights.at(log.scrollTop - space.offsetTop) :
		heights.at(log.scrollTop - space.offsetTop + log.clientHeight);

	while (i >= 0 && i < shown.length && !isWanted(shown[i]))
		i += step;
	if (i < 0 || i >= shown.length) {
		say(step > 0 ? 'No more below.' : 'No more above.');
		return;
	}
	const old = drawn.get(here);

	here = shown[i];
	if (old)
		old.classList.remove('here');
	if (drawn.has(here))
		drawn.get(here).classList.add('here');
	say('');
	speak(plain(here.text).slice(0, 300));
	letGo();
	anchor = { seq: here.seq, delta: -Math.floor(log.clientHeight / 3) };
	schedule();
}

const isMatch = (line) => line.kind === 'line' && !matcher.isEmpty &&
	matcher.test(plain(line.text));
const isTrouble = (line) => line.level !== '' || line.kind === 'gap';

/* ---- what the page says */

function count(n, noun) {
	return n.toLocaleString('en') + ' ' + noun + (n === 1 ? '' : 's');
}

function say(text) {
	$('said').textContent = text;
}

/* To those who listen: seldom, and short. */
function speak(text) {
	$('spoken').textContent = text;
}

function showCounts() {
	const isPart = shown.length !== lines.length;
	const unseen = isPaused ? waitingRecords.length : isFollowing ? 0 : fresh;

	$('counts').textContent = (isPart ? shown.length.toLocaleString('en') +
		' of ' : '') + count(lines.length, 'line');
	$('fresh').hidden = !unseen && isFollowing;
	$('fresh').textContent = unseen ?
		'\u2193 ' + (hasPassedOver ? 'more than ' : '') +
		count(unseen, 'new line') : '\u2193 End';
	$('empty').hidden = shown.length > 0;
	if (!shown.length)
		$('empty').textContent = emptyText();
	if ($('older').disabled)
		showPast($('past-note').textContent);
}

function emptyText() {
	if (!sources.length)
		return 'There is no source that you may read.';
	if (!view.names.length)
		return 'Choose a source.';
	if (lines.length)
		return 'None of the lines passes the filter.';
	return 'No lines yet.';
}

const states = new Map(); /* by source's name */
const ORDER = ['refused', 'reconnecting', 'connecting', 'ended', 'live'];
let spokenState = '';

/* The state that most needs to be known. */
function worst() {
	let found = { name: 'ended', why: '' };
	let rank = ORDER.length;

	for (const name of view.names) {
		const state = states.get(name) || { name: 'connecting' };
		const its = ORDER.indexOf(state.name);

		if (its < rank)
			[found, rank] = [state, its];
	}
	return view.names.length ? found : { name: 'ended', why: 'nothing chosen' };
}

function stateText(state) {
	const seconds = Math.max(0, Math.ceil((state.at - Date.now()) / 1000));

	switch (state.name) {
	case 'reconnecting':
		return 'reconnecting ' + (seconds ? 'in ' + seconds + ' s' : 'now') +
			': ' + state.why;
	case 'refused':
	case 'ended':
		return state.name + (state.why ? ': ' + state.why : '');
	}
	return state.name;
}

/* So long nobody waits for the first bytes of a stream that gets through. */
const SLOW_MS = 10000;
let connectingSince = 0;

/* Is it time to ask the doctor, if there is one? */
function looksWrong(state) {
	if (state.name !== 'connecting')
		connectingSince = 0;
	else if (!connectingSince)
		connectingSince = Date.now();
	return $('why').hasAttribute('href') && (state.isOdd ||
		(connectingSince && Date.now() - connectingSince > SLOW_MS));
}

function showState() {
	const state = worst();
	let { name } = state;
	let text = stateText(state);

	if (name === 'live' && waiting.size) {
		name = 'waiting';
		text = 'waiting for ' + [...waiting].map(([source, reason]) =>
			source + ': ' + waitingText(reason)).join('; ');
	}
	if (name === 'live' && isPaused)
		text = 'live, paused';
	$('state').className = name;
	if ($('state-text').textContent !== text)
		$('state-text').textContent = text;
	$('again').hidden = !['reconnecting', 'refused'].includes(name) &&
		!(name === 'ended' && view.names.length);
	$('why').hidden = !looksWrong(state);
	if (name !== spokenState)
		speak(text);
	spokenState = name;
}

setInterval(showState, 500);

setInterval(() => {
	if (unspoken && !isPaused && document.visibilityState === 'visible')
		speak(count(unspoken, 'new line') + (unspokenErrors ?
			', ' + count(unspokenErrors, 'error') : ''));
	unspoken = 0;
	unspokenErrors = 0;
}, SPEAK_MS);

/* ---- copy and download */

function shownText() {
	const isMarked = view.names.length > 1;

	return shown.map((line) => (isMarked ? sources[line.source].name + ': ' : '') +
		plain(line.text) + '\n').join('');
}

/* Plain HTTP has no clipboard, but a selection can be copied. */
async function writeClipboard(text) {
	if (navigator.clipboard) {
		await navigator.clipboard.writeText(text);
		return;
	}
	const area = document.createElement('textarea');

	area.value = text;
	area.className = 'unseen';
	document.body.append(area);
	area.select();
	document.execCommand('copy');
	area.remove();
	log.focus();
}

async function copy() {
	const selected = String(getSelection());
	const text = selected || shownText();

	try {
		await writeClipboard(text);
		say('Copied ' + (selected ? 'the selection.' :
			count(shown.length, 'line') + '.'));
	} catch (error) {
		say('The browser does not let us copy.');
	}
	speak($('said').textContent);
}

function save() {
	const link = document.createElement('a');
	const stamp = new Date().toISOString().slice(0, 19).replace(/:/g, '-');
	const blob = new Blob([shownText()], { type: 'text/plain' });

	link.href = URL.createObjectURL(blob);
	link.download = view.names.join('-') + '-' + stamp + '.log';
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 60000);
	say('Saved ' + count(shown.length, 'line') + '.');
	speak($('said').textContent);
}

/* ---- the view, and its address */

const CHOSEN_AT_FIRST = 4; /* all, if they are no more */
const CHOSEN_MAX = 16;

function firstChoice() {
	const names = sources.map((source) => source.name);

	if (byName.has('default'))
		return ['default'];
	return names.length <= CHOSEN_AT_FIRST ? names : names.slice(0, 1);
}

function readAddress() {
	const said = new URLSearchParams(location.hash.slice(1));
	const names = said.has('source') ?
		said.get('source').split(',').filter((name) => name) : firstChoice();
	const unknown = names.filter((name) => !byName.has(name));

	view.filter = said.get('filter') || '';
	view.regex = said.get('regex') === '1';
	view.only = said.get('only') !== '0';
	view.level = ['warning', 'error'].includes(said.get('level')) ?
		said.get('level') : '';
	view.wrap = said.has('wrap') ? said.get('wrap') === '1' :
		matchMedia('(max-width: 700px)').matches;
	choose([...new Set(names)].filter((name) => byName.has(name)));
	showControls();
	setMatcher();
	filterAll();
	if (unknown.length)
		say('Not here, or not for you: ' + unknown.join(', '));
}

function writeAddress() {
	const said = new URLSearchParams();

	said.set('source', view.names.join(','));
	if (view.filter)
		said.set('filter', view.filter);
	if (view.regex)
		said.set('regex', '1');
	if (!view.only)
		said.set('only', '0');
	if (view.level)
		said.set('level', view.level);
	said.set('wrap', view.wrap ? '1' : '0');
	history.replaceState(null, '',
		'#' + said.toString().replace(/%2C/g, ','));
}

/* The lines of sources that are chosen no more go. */
function choose(names) {
	const gone = view.names.filter((name) => !names.includes(name));

	view.names = names.slice(0, CHOSEN_MAX);
	for (const name of gone) {
		oldest.delete(name);
		exhausted.delete(name);
		waiting.delete(name);
		states.delete(name);
		asked.delete(name);
	}
	waitingRecords = waitingRecords.filter(([name]) => !gone.includes(name));
	lines = lines.filter((line) => !gone.includes(sources[line.source].name));
	document.title = view.names.concat('ssetail').join(' \u2013 ')
		.replace(/ \u2013 (?!ssetail$)/g, ', ');
	metrics.labelColumns = view.names.length > 1 ?
		Math.min(16, Math.max(...view.names.map((name) => name.length))) : 0;
	sayWants();
}

function press(id, isOn) {
	$(id).setAttribute('aria-pressed', isOn);
}

function showControls() {
	$('query').value = view.filter;
	$('level').value = view.level;
	press('regex', view.regex);
	press('only', view.only);
	press('wrap', view.wrap);
	for (const button of $('choice').children)
		button.setAttribute('aria-pressed',
			view.names.includes(button.textContent));
	log.classList.toggle('wrapped', view.wrap);
	measureText();
	showPast();
}

/* After a change by hand. */
function changed() {
	showControls();
	setMatcher();
	writeAddress();
	filterAll();
}

function toggleSource(i) {
	const source = sources[i];

	if (!source)
		return;
	if (view.names.includes(source.name))
		choose(view.names.filter((name) => name !== source.name));
	else if (view.names.length < CHOSEN_MAX)
		choose(sources.map((one) => one.name).filter((name) =>
			name === source.name || view.names.includes(name)));
	changed();
}

function makeChoice() {
	sources.forEach((source, i) => {
		const button = document.createElement('button');

		button.type = 'button';
		button.className = 'source toggle s' + i % 8;
		button.textContent = source.name;
		if (i < 9)
			button.title = 'Key ' + (i + 1);
		button.addEventListener('click', () => toggleSource(i));
		$('choice').append(button);
	});
}

/* How many columns a line has. */
function measureText() {
	const probe = document.createElement('span');

	document.documentElement.style.setProperty('--label',
		'calc(' + Math.min(metrics.labelColumns, narrow() ? 8 : 16) +
		'ch + 20px)');
	probe.className = 'unseen';
	probe.textContent = 'm'.repeat(100);
	log.append(probe);
	const width = probe.scrollWidth / 100 || 8;

	probe.remove();
	const label = metrics.labelColumns ?
		Math.min(metrics.labelColumns, narrow() ? 8 : 16) * width + 20 : 9;

	metrics.columns = Math.max(10,
		Math.floor((log.clientWidth - label - 15) / width));
}

function narrow() {
	return log.clientWidth < 700;
}

/* ---- the worker */

let port = null;

function tell(message) {
	if (port)
		port.postMessage(message);
}

function sayWants() {
	tell({ want: view.names.map((name) =>
		({ name, tag: sources[byName.get(name)].tag })) });
}

function heard({ data }) {
	if (data.records)
		hear(data.records);
	if (data.older)
		takeOlder(data.older);
	if (data.state)
		for (const name of data.state.sources)
			states.set(name, data.state);
	if (data.ping)
		tell({ pong: true });
	if (data.dropped)
		startAnew();
	showState();
}

/* Others may have gone on meanwhile: from the beginning. */
function startAnew() {
	lines = [];
	oldest.clear();
	asked.clear();
	filterAll();
	sayWants();
}

function connect() {
	const options = { name: 'ssetail' };
	const worker = window.SharedWorker ? new SharedWorker('?worker', options) :
		new Worker('?worker', options);

	port = worker.port || worker;
	port.onmessage = heard;
	worker.onerror = () => {
		for (const { name } of sources)
			states.set(name, { name: 'refused',
				why: 'the part of the page that connects did not start' });
		showState();
	};
}

/* ---- hands */

function inField(target) {
	return target.matches('input, select, textarea');
}

function flip(key) {
	view[key] = !view[key];
	changed();
}

function cycleLevel() {
	const levels = ['', 'warning', 'error'];

	view.level = levels[(levels.indexOf(view.level) + 1) % levels.length];
	changed();
}

function escape() {
	if (document.activeElement !== log) {
		log.focus();
	} else if (view.filter || view.level) {
		view.filter = '';
		view.level = '';
		changed();
	}
}

function toFirst() {
	letGo();
	scrollBy(-log.scrollTop);
}

const page = () => log.clientHeight - 2 * LINE;
const KEYS = {
	'/': () => $('query').select(),
	'?': () => $('help').showModal(),
	' ': () => setPaused(!isPaused),
	r: () => flip('regex'),
	m: () => flip('only'),
	w: () => flip('wrap'),
	l: cycleLevel,
	n: () => go(1, isMatch),
	N: () => go(-1, isMatch),
	e: () => go(1, isTrouble),
	E: () => go(-1, isTrouble),
	o: older,
	c: copy,
	d: save,
	f: () => setPaused(false) || follow(),
	G: () => follow(),
	End: () => follow(),
	g: toFirst,
	Home: toFirst,
	j: () => scrollBy(LINE),
	ArrowDown: () => scrollBy(LINE),
	k: () => scrollBy(-LINE),
	ArrowUp: () => scrollBy(-LINE),
	PageDown: () => scrollBy(page()),
	PageUp: () => scrollBy(-page()),
};

function pressed(event) {
	if (event.ctrlKey || event.metaKey || event.altKey || $('help').open)
		return;
	if (event.key === 'Escape') {
		escape();
		event.preventDefault();
		return;
	}
	if (event.target === $('query') && event.key === 'Enter') {
		log.focus();
		event.preventDefault();
		return;
	}
	if (inField(event.target) ||
		(event.key === ' ' && event.target.matches('button')))
		return;
	if (KEYS[event.key]) {
		KEYS[event.key]();
		event.preventDefault();
	} else if (/^[1-9]$/.test(event.key)) {
		toggleSource(Number(event.key) - 1);
	}
}

let typing = 0;

function typed() {
	clearTimeout(typing);
	typing = setTimeout(() => {
		view.filter = $('query').value;
		changed();
	}, 120);
}

/* A selection would go with its lines. */
function selected() {
	const selection = getSelection();

	if (isFollowing && !selection.isCollapsed &&
		rows.contains(selection.anchorNode))
		letGo();
}

function listen() {
	const clicks = {
		regex: () => flip('regex'),
		only: () => flip('only'),
		wrap: () => flip('wrap'),
		pause: () => setPaused(!isPaused),
		copy,
		save,
		older,
		keys: () => $('help').showModal(),
		close: () => $('help').close(),
		fresh: () => {
			setPaused(false);
			follow();
			log.focus();
		},
		again: () => tell({ again: true }),
	};

	for (const id of Object.keys(clicks))
		$(id).addEventListener('click', clicks[id]);
	$('query').addEventListener('input', typed);
	$('search').addEventListener('submit', (event) => event.preventDefault());
	$('level').addEventListener('change', () => {
		view.level = $('level').value;
		changed();
	});
	log.addEventListener('scroll', scrolled, { passive: true });
	log.addEventListener('wheel', (event) => {
		if (event.deltaY < 0 && log.scrollHeight > log.clientHeight)
			letGo();
	}, { passive: true });
	document.addEventListener('keydown', pressed);
	document.addEventListener('selectionchange', selected);
	window.addEventListener('hashchange', readAddress);
	window.addEventListener('online', () => tell({ again: true }));
	window.addEventListener('pagehide', () => tell({ bye: true }));
	window.addEventListener('pageshow', (event) => {
		if (event.persisted)
			startAnew();
	});
	new ResizeObserver(() => {
		measureText();
		if (view.wrap)
			estimateAll();
		schedule();
	}).observe(log);
}

makeChoice();
listen();
connect();
readAddress();
log.focus();
