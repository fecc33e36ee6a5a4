/*
 * The connection, kept outside of the pages: all tabs of a browser that look
 * at this mount share it, whatever sources each of them shows. HTTP/1.1 gives
 * a site six connections, and a stream holds its own for ever.
 *
 * As a SharedWorker this runs once, and tabs are ports. Where there is none,
 * each tab runs it as a Worker of its own: a lock elects one of them to hold
 * the connection, and a BroadcastChannel carries its messages to the others.
 *
 * The stream is read with fetch: an EventSource tells neither when it will
 * connect again nor events whose type it was not told beforehand.
 *
 * A tab says	{ want: [{ name, tag }] }, all sources that it shows
 *		{ older: { source, before, tail } }
 *		{ again: true }, do not wait any longer
 *		{ pong: true } and { bye: true }
 * and is told	{ records: [[source, kind, text, place]] }
 *		{ state: { sources, name, at, why } }
 *		{ older: { source, records, error } }
 *		{ ping: true } and { dropped: true }, who did not answer
 *
 * A state `isOdd` when something between seems to hold the stream back or to
 * cut it: the page then offers the doctor.
 *
 * A record's kind is "line", "gap" or "waiting", or "start": what follows of
 * that source comes after that place. "join" is the same where other tabs
 * have had what was before. A place is the part of an id that is about one
 * source: see ssetail(7).
 */
'use strict';

const FLUSH_MS = 40;
const LINK_SOURCES = 16; /* what one request may name */
const RETRY_MS = 2000;
const RETRY_MAX_MS = 30000;
const PING_MS = 30000;
const PINGS_MISSED = 4;
const ENDS_ODD = 3; /* that many, and not by the program, in this time... */
const ENDS_ODD_MS = 300000;
const BEATS_ODD = 2; /* ...or heartbeats at once: see isOdd */
const SILENT_MS = 90000; /* without as much as a heartbeat: it is dead */

/* ---- a stream, as the HTML Standard has it in 9.2.6. ssetail ends each line
 * with LF. */

class Parser {
	/* event(type, data, id) with data null where a block had none. */
	constructor(event, retry) {
		this.event = event;
		this.retry = retry;
		this.rest = '';
		this.id = '';
		this.comments = 0; /* in the part that was fed last */
		this.clear();
	}

	clear() {
		this.type = 'message';
		this.data = null;
		this.touched = false;
	}

	/* Searches what is new only: a long line comes in many parts. */
	feed(text) {
		this.comments = 0;
		let from = 0;
		let end = text.indexOf('\n');

		while (end >= 0) {
			this.line(this.rest + text.slice(from, end));
			this.rest = '';
			from = end + 1;
			end = text.indexOf('\n', from);
		}
		this.rest += text.slice(from);
	}

	line(line) {
		if (line === '') {
			if (this.touched)
				this.event(this.type, this.data, this.id);
			this.clear();
			return;
		}
		const colon = line.indexOf(':');

		if (colon === 0) {
			this.comments++;
			return;
		}
		const name = colon < 0 ? line : line.slice(0, colon);
		let value = colon < 0 ? '' : line.slice(colon + 1);

		if (value.startsWith(' '))
			value = value.slice(1);
		this.field(name, value);
	}

	field(name, value) {
		if (name === 'data') {
			this.data = this.data === null ? value :
				this.data + '\n' + value;
			this.touched = true;
		} else if (name === 'event') {
			this.type = value || 'message';
		} else if (name === 'id' && !value.includes('\0')) {
			this.id = value;
			this.touched = true;
		} else if (name === 'retry' && /^[0-9]+$/.test(value)) {
			this.retry(Number(value));
		}
	}
}

function parsed(data) {
	try {
		return JSON.parse(data);
	} catch (error) {
		return {};
	}
}

/* The places of an id, by the tag of their source. A rotated file has two. A
 * clock that is streamed alone has a bare number. */
function placesOf(id, lone) {
	const places = new Map();

	if (/^[0-9]{1,18}$/.test(id)) {
		places.set(lone, lone + '.' + id);
		return places;
	}
	for (const place of id.split('-')) {
		const tag = place.slice(0, 4);
		const before = places.get(tag);

		if (place)
			places.set(tag, before ? before + '-' + place : place);
	}
	return places;
}

/*
 * What the events of a stream are about: turns them into records. `tags`: the
 * tag of each source by its name; `places`: where each is, kept up to date.
 *
 * The type of an event need not tell its source, but its id does: the place
 * that moved.
 */
class Interpreter {
	constructor(tags, places) {
		this.tags = tags;
		this.places = places;
		this.names = new Map();
		for (const [name, tag] of tags)
			this.names.set(tag, name);
		this.lone = tags.size === 1 ? [...tags][0] : [null, null];
	}

	/* Calls moved(name, place, isFirst) for each source whose place is
	 * another now; returns the last of them. */
	move(id, moved) {
		let last = null;

		for (const [tag, place] of placesOf(id, this.lone[1])) {
			const name = this.names.get(tag);
			const old = this.places.get(name);

			if (name === undefined || old === place)
				continue;
			this.places.set(name, place);
			moved(name, place, old === undefined);
			last = name;
		}
		return last;
	}

	/* Gives add() the records of an event. */
	read(type, data, id, add) {
		const moved = this.move(id, (name, place, isFirst) => {
			if (data === null)
				add([name, isFirst ? 'start' : 'checkpoint', '', place]);
		});

		if (data === null)
			return;
		const isOurs = type === 'gap' || type === 'waiting';
		const source = isOurs ? parsed(data).source :
			this.lone[0] || this.sourceOf(type, moved);

		add([source, isOurs ? type : 'line', data,
			this.places.get(source) || '']);
	}

	sourceOf(type, moved) {
		if (moved !== null)
			return moved;
		return this.tags.has(type) ? type : type.replace(/^x-/, '');
	}
}

const BUSY = {
	clients: 'there are as many readers as there may be',
	address: 'this address has as many streams as it may have',
};

const STREAM = { Accept: 'text/event-stream' };

function isStream(answer) {
	const type = answer.headers.get('Content-Type') || '';

	return answer.status === 200 && type.startsWith('text/event-stream');
}

/* Why an answer is none that can be waited for; null: it can. */
function refusal(answer) {
	switch (answer.status) {
	case 200:
		return 'a page came in place of the stream: is a login over?';
	case 401:
		return 'not logged in';
	case 403:
		return 'this user may not read it';
	case 404:
		return 'a source is gone, or not for you: reload the page';
	}
	return answer.status < 500 && answer.status !== 429 ?
		'the server says ' + answer.status : null;
}

/* Feeds a parser up to the end; calls heard() for every part. */
async function readAll(answer, parser, heard) {
	const reader = answer.body.getReader();
	const decoder = new TextDecoder();

	for (;;) {
		const { done, value } = await reader.read();

		if (done)
			return;
		heard();
		parser.feed(decoder.decode(value, { stream: true }));
	}
}

/* ---- a link: one connection for up to sixteen sources */

class Link {
	constructor() {
		this.tags = new Map();
		this.places = new Map();
		this.waiting = new Map(); /* the record, by name */
		this.records = [];
		this.retryMs = RETRY_MS;
		this.failures = 0;
		this.ends = []; /* when */
		this.retries = 0; /* in this stream: its own, and one to end it */
		this.isHeldBack = false;
		this.state = { name: 'connecting' };
		this.abort = null;
		this.heardAt = 0;
		this.timer = 0;
		this.flusher = 0;
	}

	/* Connects with the sources as they are now, from where they are. */
	open() {
		this.close();
		this.abort = new AbortController();
		this.busy = null;
		this.retries = 0;
		this.isHeldBack = false;
		this.say('connecting');
		this.follow(this.abort.signal);
	}

	close() {
		this.flush();
		clearTimeout(this.timer);
		if (this.abort)
			this.abort.abort();
		this.abort = null;
	}

	async follow(signal) {
		let answer = null;
		let why = 'the connection was lost';

		try {
			answer = await fetch(this.url(),
				{ headers: STREAM, cache: 'no-store', signal });
			if (isStream(answer)) {
				await this.read(answer, signal);
				why = 'the stream ended';
			}
		} catch (error) {
			if (!signal.aborted && !(error instanceof TypeError))
				why = String(error);
		}
		if (!signal.aborted)
			this.ended(answer, why);
	}

	url() {
		const names = [...this.tags.keys()].map(encodeURIComponent);
		const places = [...this.tags.keys()]
			.map((name) => this.places.get(name))
			.filter((place) => place);

		return '?source=' + names.join(',') + (places.length ?
			'&lastEventId=' + places.join('-') : '');
	}

	async read(answer, signal) {
		const interpreter = new Interpreter(this.tags, this.places);
		const parser = new Parser((type, data, id) => {
			if (signal.aborted)
				return;
			if (type === 'busy' && data !== null)
				this.busy = parsed(data).reason;
			else
				interpreter.read(type, data, id,
					(record) => this.add(record));
		}, (ms) => {
			this.retryMs = ms;
			this.retries++;
		});

		this.say('live');
		this.failures = 0;
		this.hear();
		await readAll(answer, parser, () => {
			this.look(parser.comments);
			this.hear();
		});
	}

	/* Heartbeats are seconds apart. */
	look(comments) {
		if (comments >= BEATS_ODD && !this.isHeldBack) {
			this.isHeldBack = true;
			this.say('live');
		}
	}

	hear() {
		this.heardAt = Date.now();
	}

	/* A network that went away without a word leaves a connection that waits
	 * for ever. */
	check() {
		if (this.state.name === 'live' &&
			Date.now() - this.heardAt > SILENT_MS) {
			this.close();
			this.wait('nothing was heard any more');
		}
	}

	ended(answer, why) {
		this.flush();
		if (answer && answer.status === 204) {
			this.say('ended', 'nothing more will come');
			return;
		}
		if (answer && !isStream(answer)) {
			const reason = refusal(answer);

			if (reason !== null) {
				this.say('refused', reason);
				return;
			}
			why = 'the server says ' + answer.status;
		}
		if (this.busy)
			why = BUSY[this.busy] || this.busy;
		this.wait(why);
	}

	/* The server spreads its retry at random; what we add is spread here. */
	wait(why) {
		const factor = 2 ** Math.min(this.failures++, 10);
		const more = (factor - 1) * this.retryMs * (0.5 + Math.random() / 2);
		const ms = Math.min(this.retryMs + more,
			Math.max(RETRY_MAX_MS, this.retryMs));
		const now = Date.now();

		this.ends = this.ends.filter((at) => now - at < ENDS_ODD_MS);
		if (this.retries < 2 && !this.busy)
			this.ends.push(now);
		this.say('reconnecting', why, Date.now() + ms);
		this.timer = setTimeout(() => this.open(), ms);
	}

	say(name, why, at) {
		this.flush();
		this.state = { name, why: why || '', at: at || 0,
			isOdd: this.isHeldBack || this.ends.length >= ENDS_ODD };
		for (const client of clients.values())
			this.tell(client);
	}

	tell(client) {
		const sources = [...this.tags.keys()]
			.filter((name) => client.wants.has(name));

		if (sources.length)
			client.send({ state: { sources, ...this.state } });
	}

	add(record) {
		const [source, kind] = record;

		if (kind === 'waiting')
			this.waiting.set(source, record);
		else if (kind !== 'gap')
			this.waiting.delete(source);
		this.records.push(record);
		if (!this.flusher)
			this.flusher = setTimeout(() => this.flush(), FLUSH_MS);
	}

	flush() {
		const records = this.records;

		clearTimeout(this.flusher);
		this.flusher = 0;
		this.records = [];
		if (!records.length)
			return;
		for (const client of clients.values()) {
			const its = client.wants.size >= this.tags.size &&
				[...this.tags.keys()].every((name) =>
					client.wants.has(name)) ? records :
				records.filter(([name]) => client.wants.has(name));

			if (its.length)
				client.send({ records: its });
		}
	}

	/* A tab that comes to a source that others watch already. */
	join(client, name) {
		const place = this.places.get(name);

		this.flush();
		if (place !== undefined)
			client.send({ records: [[name, 'join', '', place]] });
		if (this.waiting.has(name))
			client.send({ records: [this.waiting.get(name)] });
	}

	/* Keeps those of its sources; true: some have gone. */
	keep(wanted) {
		const gone = [...this.tags.keys()]
			.filter((name) => !wanted.has(name));

		if (gone.length)
			this.flush();
		for (const name of gone) {
			this.tags.delete(name);
			this.places.delete(name);
			this.waiting.delete(name);
		}
		return gone.length > 0;
	}
}

/* ---- the hub: clients and links */

const clients = new Map(); /* by key: { wants, send, missed } */
let links = [];

function linkWithRoom(changed) {
	let link = links.find((one) => one.tags.size < LINK_SOURCES);

	if (!link) {
		link = new Link();
		links.push(link);
	}
	changed.add(link);
	return link;
}

/* Makes the links fit what all clients want together. */
function arrange() {
	const wanted = new Map();
	const changed = new Set();

	for (const client of clients.values())
		for (const [name, source] of client.wants)
			wanted.set(name, source);
	for (const link of links)
		if (link.keep(wanted))
			changed.add(link);
	for (const [name, { tag, place }] of wanted) {
		if (links.some((link) => link.tags.has(name)))
			continue;
		const link = linkWithRoom(changed);

		link.tags.set(name, tag);
		if (place)
			link.places.set(name, place);
	}
	for (const link of changed) {
		if (link.tags.size)
			link.open();
		else
			link.close();
	}
	links = links.filter((link) => link.tags.size);
}

function want(client, sources) {
	const before = client.wants;

	client.wants = new Map(sources.map((source) => [source.name, source]));
	for (const link of links) {
		for (const name of link.tags.keys())
			if (client.wants.has(name) && !before.has(name) &&
				!client.wants.get(name).place)
				link.join(client, name);
		link.tell(client);
	}
	arrange();
	again(client, ['ended', 'refused']);
}

/* Connects anew where a link of the client is in one of these states. */
function again(client, states) {
	for (const link of links)
		if (states.includes(link.state.name) &&
			[...link.tags.keys()].some((name) => client.wants.has(name)))
			link.open();
}

/* What was before a place; the answer ends. */
async function older(client, { source, before, tail }) {
	const records = [];
	const tags = new Map([[source, before.slice(0, 4)]]);
	const interpreter = new Interpreter(tags, new Map());
	let error = null;

	try {
		const answer = await fetch('?source=' + encodeURIComponent(source) +
			'&before=' + before + '&tail=' + tail,
			{ headers: STREAM, cache: 'no-store' });

		if (isStream(answer))
			await readAll(answer, new Parser((type, data, id) =>
				interpreter.read(type, data, id,
					(record) => records.push(record)), () => {}), () => {});
		else
			error = refusal(answer) || 'the server says ' + answer.status;
	} catch (reason) {
		error = 'the connection was lost';
	}
	client.send({ older: { source, records, error } });
}

function receive(key, message, send) {
	let client = clients.get(key);

	if (message.bye) {
		clients.delete(key);
		arrange();
		return;
	}
	if (!client) {
		if (!message.want)
			return;
		client = { wants: new Map(), send, missed: 0 };
		clients.set(key, client);
	}
	client.missed = 0;
	if (message.want)
		want(client, message.want);
	if (message.older)
		older(client, message.older);
	if (message.again)
		again(client, ['reconnecting', 'ended', 'refused']);
}

/* A tab that was killed says no word. */
setInterval(() => {
	let gone = false;

	for (const [key, client] of clients) {
		if (client.missed++ < PINGS_MISSED) {
			client.send({ ping: true });
			continue;
		}
		client.send({ dropped: true });
		clients.delete(key);
		gone = true;
	}
	if (gone)
		arrange();
	for (const link of links)
		link.check();
}, PING_MS);

/* ---- as a SharedWorker */

if ('onconnect' in self) {
	self.onconnect = (event) => {
		const port = event.ports[0];

		port.onmessage = ({ data }) =>
			receive(port, data, (message) => port.postMessage(message));
	};
}

/* ---- as one Worker of many */

/* Without locks, which plain HTTP does not have, each leads itself. */
function elect(name, lead) {
	if (self.navigator.locks)
		self.navigator.locks.request(name, () => {
			lead();
			return new Promise(() => {});
		});
	else
		lead();
}

function work() {
	const name = 'ssetail ' + self.location.pathname;
	const channel = new BroadcastChannel(name);
	const key = Date.now() + ' ' + Math.random();
	let leads = false;
	let wants = []; /* with the places where this tab is, for the next leader */

	const sendOwn = (message) => {
		for (const [source, , , place] of message.records || [])
			for (const one of wants)
				if (one.name === source)
					one.place = place;
		self.postMessage(message);
	};
	const toLeader = (message) => {
		if (leads)
			receive(key, message, sendOwn);
		else
			channel.postMessage({ from: key, message });
	};

	channel.onmessage = ({ data }) => {
		if (data.to === key)
			sendOwn(data.message);
		else if (data.from && leads)
			receive(data.from, data.message, (message) =>
				channel.postMessage({ to: data.from, message }));
		else if (data.leader && wants.length)
			toLeader({ want: wants });
	};
	self.onmessage = ({ data }) => {
		if (data.want)
			wants = data.want.map((source) => ({ ...source,
				place: (wants.find((one) =>
					one.name === source.name) || {}).place }));
		toLeader(data.want ? { want: wants } : data);
	};
	elect(name, () => {
		leads = true;
		if (wants.length)
			receive(key, { want: wants }, sendOwn);
		channel.postMessage({ leader: true });
	});
}

if (!('onconnect' in self))
	work();
