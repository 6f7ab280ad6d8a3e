"""Calls a server by JSON-RPC over HTTP with another implementation; prints what came back, a line each."""

import json
import sys
import urllib.request

from jsonrpcclient import Ok, notification, parse, request, request_hex, request_random, request_uuid

url = sys.argv[1]


def send(payload):
    """Posts what the library made; returns the status and what the library reads of the answer."""
    body = json.dumps(payload).encode()
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as response:
        text = response.read()
        return response.status, parse(json.loads(text)) if text else None


def told(response):
    if response is None:
        return None
    if isinstance(response, Ok):
        return {"result": response.result, "id": response.id}
    return {"code": response.code, "message": response.message, "data": response.data, "id": response.id}


def show(payload):
    status, response = send(payload)
    answers = [told(one) for one in response] if isinstance(payload, list) and response else told(response)
    ids = [one.get("id") for one in payload] if isinstance(payload, list) else payload.get("id")
    print(json.dumps({"status": status, "ids": ids, "answers": answers}))


show(request("subtract", (42, 23)))
show(request("subtract", {"minuend": 42, "subtrahend": 23}, id=12345678901234567890))
show(request_hex("subtract", [1, 1]))
show(request_random("subtract", [1, 2]))
show(request_uuid("greet", {"name": "Zoë \U0001f600"}))
show(request("nothing"))
show(request("deny"))
show(request("subtract", {"minuend": "x"}))
show(notification("greet", {"name": "nobody"}))
show([request("subtract", (3, 1)), notification("greet"), request("nothing"), request("greet")])
show([notification("greet"), notification("nothing")])
