"""Reads a feed as Python programs do, and prints what it sees as lines of JSON.

usage: feed_reader.py URL MODE, with MODE `sseclient` (sseclient-py) or `splitlines`: a reader of twenty lines that knows
only what most of such readers know, splits text where Python sees a line end, and tells of empty messages.
"""

import codecs
import json
import sys
import urllib.request


def chunks(response):
    while True:
        chunk = response.read1(65536)
        if not chunk:
            return
        yield chunk


def sseclient_events(response):
    import sseclient

    for event in sseclient.SSEClient(chunks(response)).events():
        yield event.event, event.data, event.id


def splitlines_events(response):
    decode = codecs.getincrementaldecoder("utf-8")().decode
    rest, fields = "", {}
    for chunk in chunks(response):
        lines = (rest + decode(chunk)).splitlines(keepends=True)
        rest = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        for line in (line.rstrip("\r\n") for line in lines):
            if line == "":
                yield fields.get("event", "message"), fields.get("data", ""), fields.get("id")
                fields = {}
                continue
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")


def main():
    url, mode = sys.argv[1:]
    request = urllib.request.Request(url, headers={"Accept": "text/event-stream"})
    read = sseclient_events if mode == "sseclient" else splitlines_events
    with urllib.request.urlopen(request) as response:
        for event, data, position in read(response):
            print(json.dumps({"type": event, "data": data, "id": position}), flush=True)


main()
