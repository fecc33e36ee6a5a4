#!/bin/sh
# A log as an event stream, by CGI: what a shell can do.
printf 'Content-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n: \n\n'
tail -n 0 -F @LOG@ | exec sed -u 's/^/data: /; s/$/\n/'
