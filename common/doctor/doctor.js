/*
 * The doctor's page measures, and judges nothing: what it has seen it says in a
 * query to ?doctor=judge, whose answer it shows. common/beat.h says what the
 * streams are, common/measurement.h how the query is read.
 */
'use strict';

const PACE_TRIES = 3;
const HOLD_TRIES = 2;
const QUIET_TRIES = 2;
const PAUSES = 5;
const AT_ONCE = 7; /* one more than a browser opens over HTTP/1.1 */
const SKIPPED = 3; /* events, by Last-Event-ID */
const PATIENCE_MS = 60000;
const NUMBER_MAX = 9999999;
const TEXT_MAX = 100;

const $ = (id) => document.getElementById(id);
const heartbeatMs = 1000 * document.body.dataset.heartbeat;

let number = 0; /* no two addresses are the same: nothing is shared */

function address(kind, isPlain) {
	return '?doctor=' + kind + '&number=' + ++number + (isPlain ? '&plain' : '');
}

/* ---- one stream */

/* What a line of a stream says, if it is one of the doctor's. */
function hear(stream, line, at) {
	const [, sent] = /^data: [0-9]+ ([0-9]+)/.exec(line) || [];

	if (sent)
		stream.events.push({ number: parseInt(line.slice(6), 10),
			sent: Number(sent), arrived: at });
	if (line === 'event: busy')
		stream.busy = true;
	if (line.startsWith('retry:'))
		stream.retries++;
	/* A server that cuts a stream may add a page of its own. */
	if (/^(:|data:|id:|retry:|event:|$)/.test(line))
		stream.last = at;
}

async function read(stream, response) {
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';

	for (;;) {
		const { value, done } = await reader.read();
		const at = performance.now();

		if (done)
			return;
		if (stream.first === null)
			stream.first = at;
		const lines = (rest + value).split('\n');

		rest = lines.pop();
		for (const line of lines)
			hear(stream, line, at);
	}
}

/* Reads a stream to its end, however that comes. Never fails. */
async function take(kind, { isPlain, headers, patience = PATIENCE_MS } = {}) {
	const url = new URL(address(kind, isPlain), location).href;
	const asked = performance.now();
	const stream = { url, asked, status: 0, head: null, first: null, last: asked,
		events: [], retries: 0, busy: false };
	const abort = new AbortController();
	const timer = setTimeout(() => abort.abort(), patience);

	try {
		const response = await fetch(url, { cache: 'no-store', headers,
			signal: abort.signal });

		stream.status = response.status;
		stream.head = response.headers;
		await read(stream, response);
	} catch (error) {
		stream.error = String(error);
	}
	clearTimeout(timer);
	stream.end = performance.now();
	return stream;
}

/* What the browser knows of a request that is over; it may be late with it. */
async function timing(url) {
	for (let i = 0; i < 20; i++) {
		const [entry] = performance.getEntriesByName(url);

		if (entry)
			return entry;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return null;
}

/* ---- what is measured */

const round = (ms) => Math.max(0, Math.round(ms));

function setHead(query, { head }) {
	const set = (name, text) => {
		if (text)
			query.set(name, text.replace(/[^ -~]/g, '?').slice(0, TEXT_MAX));
	};

	set('type', head.get('content-type'));
	set('cache', head.get('cache-control'));
	set('encoding', head.get('content-encoding'));
	set('server', head.get('server'));
	set('via', head.get('via') || head.get('x-cache') || head.get('cf-ray'));
	if (head.has('content-length'))
		query.set('length', Math.min(NUMBER_MAX, head.get('content-length')));
	if (head.has('age'))
		query.set('age', Math.min(NUMBER_MAX, head.get('age')));
}

async function measurePace(query, i) {
	const stream = await take('pace');
	const [start] = stream.events;

	if (start)
		query.set('pace' + i, stream.events.map((event) =>
			round(event.sent - start.sent) + ':' +
			round(event.arrived - start.arrived)).join());
	return stream;
}

/* The first stream: its head, and whether there is one at all. */
async function measureFirst(query) {
	const stream = await measurePace(query, 1);

	query.set('status', stream.status);
	if (stream.status === 501)
		query.set('plain', (await take('hold', { isPlain: true })).status);
	if (stream.head)
		setHead(query, stream);
	if (stream.first !== null)
		query.set('first', round(stream.first - stream.asked));
	const entry = await timing(stream.url);

	if (entry && entry.nextHopProtocol)
		query.set('protocol', entry.nextHopProtocol);
	return stream;
}

async function measureHold(query, i) {
	const streams = await Promise.all(Array.from({ length: AT_ONCE },
		() => take('hold')));
	const said = [];
	let busy = 0;

	for (const stream of streams) {
		const entry = await timing(stream.url);
		const queued = entry && entry.requestStart ?
			entry.requestStart - entry.startTime : 0;
		/* Who is turned away has waited for ever. */
		const first = stream.status === 200 && stream.first !== null ?
			stream.first - stream.asked - queued : NUMBER_MAX;

		busy += stream.busy;
		said.push(round(queued) + ':' + round(first));
	}
	query.set('hold' + i, said.join());
	if (busy)
		query.set('busy', busy);
}

async function measureResume(query) {
	const stream = await take('hold', { headers: { 'Last-Event-ID': SKIPPED } });
	const [start] = stream.events;

	if (start)
		query.set('resume', start.number);
}

/* The second event comes after two heartbeats. A "retry" is in the opening of
 * each stream; another one comes from a program that ends it itself. */
async function measureQuiet(query, i) {
	const stream = await take('quiet',
		{ patience: 2 * heartbeatMs + PATIENCE_MS });
	const said = stream.events.length > 1 ? 'done' :
		stream.retries > 1 ? 'retry' :
			'cut:' + round(stream.end - stream.asked) + ':' +
				round(stream.end - stream.last);

	query.set('quiet' + i, said);
	return said === 'done' || said === 'retry';
}

/* Silences that are shorter than a heartbeat, all at once: how many of them were
 * let through, from the shortest on. */
async function measurePauses(query) {
	const streams = await Promise.all(Array.from({ length: PAUSES },
		(_, i) => take('pause' + (i + 1), { patience: heartbeatMs + PATIENCE_MS })));
	const cut = streams.findIndex(({ events }) => events.length < 2);

	query.set('pauses', cut < 0 ? PAUSES : cut);
}

/* ---- what is shown */

function step(text) {
	const item = element('li', text);

	for (const other of $('steps').children)
		other.className = '';
	item.className = 'now';
	$('steps').append(item);
}

function element(name, text) {
	const made = document.createElement(name);

	made.textContent = text;
	return made;
}

/* A paragraph of the answer; one that is indented is to be copied, and one
 * that begins with a word of that kind names a cause. */
function show(paragraph) {
	const [, cause, rest] = /^([a-z0-9-]+)(: [^]*)$/.exec(paragraph) || [];

	if (paragraph.startsWith('    ')) {
		$('answer').append(element('pre', paragraph.replace(/^ {4}/gm, '')));
	} else if (cause) {
		const named = element('p', '');

		named.dataset.cause = cause;
		named.append(element('strong', cause), rest.replace(/\n/g, ' '));
		$('answer').append(named);
	} else {
		$('answer').append(element('p', paragraph.replace(/\n/g, ' ')));
	}
}

const WELL = 'Nothing is wrong.';
const UNSURE = 'It is not clear what is wrong.';
const WORDS = new Map([
	[WELL, 'well'],
	['Something is wrong.', 'wrong'],
	[UNSURE, 'unsure'],
]);

function showAnswer(text) {
	const [verdict, ...paragraphs] = text.trimEnd().split('\n\n');

	$('verdict').textContent = verdict;
	$('verdict').className = WORDS.get(verdict) || 'nothing';
	paragraphs.forEach(show);
}

async function ask(query) {
	const response = await fetch('?' + String(query).replace(/%3A/g, ':')
		.replace(/%2C/g, ','), { cache: 'no-store' });

	if (!response.ok)
		throw new Error('the judge answers ' + response.status);
	return response.text();
}

const isWell = async (query) => (await ask(query)).startsWith(WELL);
const isUnsure = async (query) => (await ask(query)).startsWith(UNSURE);

async function measure(query) {
	step('A stream with an event every 60 ms');
	const { status, events } = await measureFirst(query);

	if (status !== 200)
		return;
	for (let i = 2; i <= PACE_TRIES && await isUnsure(query); i++) {
		step('The same again');
		await measurePace(query, i);
	}
	step('A stream that is taken up again');
	await measureResume(query);
	/* What is held back tells nothing more. */
	if (!events.length || !await isWell(query))
		return;
	for (let i = 1; i <= HOLD_TRIES; i++) {
		step(AT_ONCE + ' streams at once');
		await measureHold(query, i);
		if (await isWell(query))
			break;
	}
	for (let i = 1; i <= QUIET_TRIES; i++) {
		step('A stream that is silent for ' + 2 * heartbeatMs / 1000 +
			' seconds, but for heartbeats');
		if (await measureQuiet(query, i))
			return;
	}
	step('How long may a stream be silent?');
	await measurePauses(query);
}

async function examine() {
	const query = new URLSearchParams({ doctor: 'judge' });

	$('again').disabled = true;
	$('steps').replaceChildren();
	$('answer').replaceChildren();
	$('verdict').textContent = '';
	try {
		await measure(query);
		step('The answer');
		showAnswer(await ask(query));
	} catch (error) {
		showAnswer('Nothing could be measured.\n\n' + error.message);
	}
	$('again').disabled = false;
}

$('again').addEventListener('click', examine);
examine();
