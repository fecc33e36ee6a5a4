const sources = JSON.parse(document.getElementById("sources").textContent);
const out = document.querySelector("pre");
let stream;

function show(name) {
	stream?.close();
	out.textContent = "";
	stream = new EventSource("?source=" + encodeURIComponent(name));
	stream.onmessage = (event) => out.append(event.data + "\n");
}

for (const source of sources) {
	const button = document.createElement("button");

	button.textContent = source.name;
	button.onclick = () => show(source.name);
	document.querySelector("nav").append(button);
}
if (sources.length > 0)
	show(sources[0].name);
