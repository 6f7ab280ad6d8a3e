"""A player in Python, written from docs/protocol.md with protobuf's own runtime.

    ringside_client.py <descriptors> <Room> replay <frames>            a recorded match
    ringside_client.py <descriptors> <Room> play <base address>        a live one

<descriptors> is what `protoc --include_source_info --descriptor_set_out` makes of the printed .proto, <Room> the
name of the type of room as messages have it (ArenaState, ArenaPatch). Each frame that says something is printed
as one line of JSON.
"""

import base64
import json
import re
import struct
import sys
import urllib.parse
import urllib.request

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

JOIN, LEAVE, REQUEST = 0xFFFF0001, 0xFFFF0002, 0xFFFF0003
JOINED, STATE, PATCH, REPLY, EVENT, LEFT, STATE_PART = (
    0xFFFF0010, 0xFFFF0011, 0xFFFF0012, 0xFFFF0013, 0xFFFF0017, 0xFFFF0019, 0xFFFF001C)


class Contract:
    """The messages of a game, by name, and what only their comments say."""

    def __init__(self, path):
        with open(path, "rb") as file:
            files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
        pool = descriptor_pool.DescriptorPool()
        self.package, self.steps, self.names = "", {}, {}
        for file in files.file:
            self.package = file.package
            self._read_comments(pool.Add(file) or pool.FindFileByName(file.name), file)
        self.pool = pool

    def _read_comments(self, found, file):
        """The step of a quantised number and the name of an event or a command are in comments."""
        for place in file.source_code_info.location:
            path = list(place.path)
            if len(path) == 2 and path[0] == 4:
                name = file.message_type[path[1]].name
                title = re.match(r" (?:event|command|reply) (\S+?)(?:,|$)", place.leading_comments)
                if title:
                    self.names[title.group(0).split(",")[0].strip()] = name
            step = re.search(r"step ([0-9.e+-]+)", place.trailing_comments)
            if step and len(path) % 2 == 0 and path[-2] == 2:
                message = found.message_types_by_name[file.message_type[path[1]].name]
                proto = file.message_type[path[1]]
                for index in path[3:-2:2]:
                    proto = proto.nested_type[index]
                    message = message.nested_types_by_name[proto.name]
                self.steps[message.full_name, proto.field[path[-1]].number] = float(step.group(1))

    def descriptor(self, name):
        return self.pool.FindMessageTypeByName(f"{self.package}.{name}")

    def decode(self, name, payload):
        return message_factory.GetMessageClass(self.descriptor(name)).FromString(payload)

    def encode(self, name, **fields):
        """Takes values as games have them: a quantised number goes as its count of steps."""
        message = self.descriptor(name)
        for field in message.fields:
            step = self.steps.get((message.full_name, field.number))
            if step is not None and field.name in fields:
                fields[field.name] = round(fields[field.name] / step)
        return message_factory.GetMessageClass(message)(**fields).SerializeToString()

    def value(self, field, value):
        """A value as games have it: steps become numbers, messages objects."""
        step = self.steps.get((field.containing_type.full_name, field.number))
        if step is not None:
            per_unit = round(1 / step)
            return value / per_unit if abs(per_unit * step - 1) < 1e-9 else value * step
        if field.message_type is not None:
            return self.object(value)
        if field.enum_type is not None:
            return field.enum_type.values_by_number[value].name
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value

    def object(self, message):
        fields = message.DESCRIPTOR.fields
        return {field.name: self._field(message, field) for field in fields}

    def _field(self, message, field):
        value = getattr(message, field.name)
        if field.is_repeated:
            return [self.value(field, item) for item in value]
        if field.has_presence and field.message_type is None and not message.HasField(field.name):
            return None
        return self.value(field, value)


class Node:
    """One object of the state: its fields, and what is inside it by handle."""

    def __init__(self, message, parent=None, member=None, key=None):
        self.message, self.parent, self.member, self.key = message, parent, member, key
        self.fields, self.children = {}, set()


class Replica:
    """The state of a room, from STATE and PATCH (docs/protocol.md, "State patches")."""

    def __init__(self, contract, room):
        self.contract, self.room, self.nodes = contract, room, {}

    def apply(self, payload, is_full):
        patch = self.contract.decode(f"{self.room}Patch", payload)
        if is_full:
            self.nodes = {}
        for handle in patch.removed_handles:
            self._remove(handle)
        groups = [f for f in patch.DESCRIPTOR.fields if f.number >= 8]
        for is_change in (0, 1):
            for field in sorted(groups, key=lambda each: each.number):
                if field.number % 2 == is_change:
                    for group in getattr(patch, field.name):
                        self._apply_group(group, created=not is_change)

    def _apply_group(self, group, created):
        handles = group.object_handles
        if created:
            for row, handle in enumerate(handles):
                self._create(group, row, handle)
        for column in group.DESCRIPTOR.fields:
            if column.number <= 5 or not column.is_repeated or not len(getattr(group, column.name)):
                continue
            for handle, value in zip(handles, getattr(group, column.name), strict=True):
                node = self.nodes[handle]
                field = node.message.fields_by_number[column.number - 5]
                if field.is_repeated:
                    # The wrapper of a list has its steps in a message of its own.
                    items = value.DESCRIPTOR.fields_by_name["items"]
                    value = [self.contract.value(items, item) for item in value.items]
                else:
                    value = self.contract.value(field, value)
                node.fields[field.name] = value

    def _create(self, group, row, handle):
        self._remove(handle)
        if len(group.object_parents) == 0:
            node = Node(self.contract.descriptor(f"{self.room}State"))
        else:
            parents = group.object_parents
            parent = parents[row] if len(parents) > 1 else parents[0]
            member = self.nodes[parent].message.fields_by_number[group.parent_field]
            inner = member.message_type
            is_map = inner.GetOptions().map_entry
            key = group.map_keys[row] if is_map else None
            message = inner.fields_by_name["value"].message_type if is_map else inner
            node = Node(message, parent, member, key)
            for other in [h for h in self.nodes[parent].children
                          if self.nodes[h].member is member and self.nodes[h].key == key]:
                self._remove(other)
            self.nodes[parent].children.add(handle)
        for field in node.message.fields:
            is_container = field.message_type is not None and (
                not field.is_repeated or field.message_type.GetOptions().map_entry)
            if not is_container:
                node.fields[field.name] = [] if field.is_repeated else self.contract.value(
                    field, field.default_value)
        self.nodes[handle] = node

    def _remove(self, handle):
        node = self.nodes.pop(handle, None)
        if node is None:
            return
        if node.parent in self.nodes:
            self.nodes[node.parent].children.discard(handle)
        for child in list(node.children):
            self._remove(child)

    def state(self, handle=1):
        node = self.nodes[handle]
        result = dict(node.fields)
        for field in node.message.fields:
            if field.message_type is not None and field.is_repeated and field.message_type.GetOptions().map_entry:
                result[field.name] = {}
        for child in node.children:
            inner = self.nodes[child]
            if inner.key is None:
                result[inner.member.name] = self.state(child)
            else:
                result[inner.member.name][inner.key] = self.state(child)
        return result


class Player:
    """Reads the frames of one connection."""

    def __init__(self, contract, room):
        self.contract, self.room, self.replica = contract, room, Replica(contract, room)
        self.pieces = b""

    def receive(self, frame):
        command, payload = struct.unpack(">I", frame[:4])[0], frame[4:]
        if command in (STATE, JOINED):
            self.pieces = b""
        if command == STATE_PART:
            part = self.contract.decode("StatePartMessage", payload)
            self.pieces = part.payload if part.offset == 0 else self.pieces + part.payload
            if len(self.pieces) < part.total:
                return None
            command, payload, self.pieces = STATE, self.pieces, b""
        if command in (STATE, PATCH):
            self.replica.apply(payload, command == STATE)
            return {"state": self.replica.state()}
        if command == EVENT:
            event = self.contract.decode("EventMessage", payload)
            name = self.contract.names[f"event {self.room[0].lower()}{self.room[1:]}.{event.name}"]
            return {"event": event.name, "data": self.contract.object(self.contract.decode(name, event.payload))}
        return None


def replay(player, path):
    with open(path, "rb") as file:
        recorded = file.read()
    while recorded:
        size = struct.unpack(">I", recorded[:4])[0]
        said = player.receive(recorded[4:4 + size])
        recorded = recorded[4 + size:]
        if said is not None:
            print(json.dumps(said))


def play(player, base):
    from websockets.sync.client import connect

    ask = urllib.request.Request(
        f"{base}/matchmake/joinOrCreate/{player.room.lower()}",
        json.dumps({"name": "Monty"}).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(ask) as answer:
        seat = json.load(answer)
    contract = player.contract
    address = urllib.parse.urljoin(base + "/", seat["url"])
    with connect(address.replace("http", "ws", 1)) as socket:
        def send(command, payload=b""):
            socket.send(struct.pack(">I", command) + payload)

        send(JOIN, contract.encode("JoinMessage", ticket=seat["ticket"]))
        is_asked = False
        for frame in socket:
            command = struct.unpack(">I", frame[:4])[0]
            said = player.receive(frame)
            if said and "state" in said and not is_asked:
                is_asked = True
                hit = contract.encode(contract.names["command hit"], target="python", by=2.5)
                send(REQUEST, contract.encode("RequestMessage", correlation=7, command=0x0100, payload=hit))
            if command == REPLY:
                reply = contract.decode("ReplyMessage", frame[4:])
                value = contract.decode(contract.names["reply hit"], reply.payload)
                print(json.dumps({"reply": contract.object(value), "correlation": reply.correlation}))
            if said is not None:
                print(json.dumps(said))
                if said.get("event") == "hit":
                    send(LEAVE)
            if command == LEFT:
                print(json.dumps({"left": contract.decode("LeftMessage", frame[4:]).code}))


def main():
    descriptors, room, what, where = sys.argv[1:]
    player = Player(Contract(descriptors), room)
    {"replay": replay, "play": play}[what](player, where)


if __name__ == "__main__":
    main()
