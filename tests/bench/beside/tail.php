<?php
// A log as an event stream, as somebody writes it who knows what to mind:
// nothing is buffered, a line is sent when it is whole, all that a look has
// found goes out at once, and a comment now and then finds clients that have
// gone. It looks 20 times a second.
set_time_limit(0);
while (ob_get_level())
	ob_end_flush();
header('Content-Type: text/event-stream');
header('Cache-Control: no-cache');
header('X-Accel-Buffering: no');

$log = fopen('@LOG@', 'r');
fseek($log, 0, SEEK_END);
$id = ftell($log);
$rest = '';
echo ":\n\n";
flush();
$last = time();

while (!connection_aborted()) {
	$more = fread($log, 65536);
	if ($more === '' || $more === false) {
		if (time() - $last >= 15) {
			echo ":\n\n";
			flush();
			$last = time();
		}
		usleep(50000);
		continue;
	}
	$lines = explode("\n", $rest . $more);
	$rest = array_pop($lines);
	foreach ($lines as $line) {
		$id += strlen($line) + 1;
		echo "id: $id\ndata: $line\n\n";
	}
	flush();
	$last = time();
}
