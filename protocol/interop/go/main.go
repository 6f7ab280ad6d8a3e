// A player in Go, written from docs/protocol.md with protobuf's own runtime.
//
//	interop <descriptors> <Room> replay <frames>         a recorded match
//	interop <descriptors> <Room> play <base address>     a live one
//
// <descriptors> is what `protoc --include_source_info --descriptor_set_out` makes of the printed .proto, <Room> the
// name of the type of room as messages have it (ArenaState, ArenaPatch). Each frame that says something is printed
// as one line of JSON.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/websocket"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	join    = 0xFFFF0001
	leave   = 0xFFFF0002
	request = 0xFFFF0003
	stateID = 0xFFFF0011
	patchID = 0xFFFF0012
	replyID = 0xFFFF0013
	eventID = 0xFFFF0017
	leftID  = 0xFFFF0019
	partID  = 0xFFFF001C
	joined  = 0xFFFF0010
)

// player reads the frames of one connection.
type player struct {
	contract *contract
	room     string
	replica  *replica
	// The pieces of a large state that have come.
	pieces []byte
}

func (p *player) receive(frame []byte) map[string]any {
	id, payload := binary.BigEndian.Uint32(frame), frame[4:]
	switch id {
	case stateID, joined:
		p.pieces = nil
	case partID:
		part := p.contract.decode("StatePartMessage", payload)
		if get(part, "offset").Uint() == 0 {
			p.pieces = nil
		}
		p.pieces = append(p.pieces, get(part, "payload").Bytes()...)
		if uint64(len(p.pieces)) < get(part, "total").Uint() {
			return nil
		}
		id, payload, p.pieces = stateID, p.pieces, nil
	}
	switch id {
	case stateID, patchID:
		p.replica.apply(p.contract.decode(p.room+"Patch", payload), id == stateID)
		return map[string]any{"state": p.replica.state(1)}
	case eventID:
		event := p.contract.decode("EventMessage", payload)
		name := get(event, "name").String()
		title := "event " + strings.ToLower(p.room[:1]) + p.room[1:] + "." + name
		inner := p.contract.decode(p.contract.names[title], get(event, "payload").Bytes())
		return map[string]any{"event": name, "data": p.contract.object(inner)}
	}
	return nil
}

func get(message protoreflect.Message, name string) protoreflect.Value {
	return message.Get(message.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

func (p *player) replay(path string, out *json.Encoder) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	recorded := bufio.NewReader(file)
	for {
		var size uint32
		if err := binary.Read(recorded, binary.BigEndian, &size); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		frame := make([]byte, size)
		if _, err := io.ReadFull(recorded, frame); err != nil {
			return err
		}
		if said := p.receive(frame); said != nil {
			if err := out.Encode(said); err != nil {
				return err
			}
		}
	}
}

func (p *player) play(base string, out *json.Encoder) error {
	address := base + "/matchmake/joinOrCreate/" + strings.ToLower(p.room)
	answer, err := http.Post(address, "application/json", strings.NewReader(`{"name":"Gopher"}`))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var seat struct{ Ticket, URL string }
	if err := json.NewDecoder(answer.Body).Decode(&seat); err != nil {
		return err
	}
	origin, err := url.Parse(base + "/")
	if err != nil {
		return err
	}
	place, err := origin.Parse(seat.URL)
	if err != nil {
		return err
	}
	config, err := websocket.NewConfig(strings.Replace(place.String(), "http", "ws", 1), base)
	if err != nil {
		return err
	}
	socket, err := websocket.DialConfig(config)
	if err != nil {
		return err
	}
	defer socket.Close()
	send := func(id uint32, payload []byte) error {
		return websocket.Message.Send(socket, append(binary.BigEndian.AppendUint32(nil, id), payload...))
	}
	if err := send(join, p.contract.encode("JoinMessage", map[string]any{"ticket": seat.Ticket})); err != nil {
		return err
	}
	for isAsked := false; ; {
		var frame []byte
		if err := websocket.Message.Receive(socket, &frame); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		id := binary.BigEndian.Uint32(frame)
		said := p.receive(frame)
		switch {
		case said["state"] != nil && !isAsked:
			isAsked = true
			hit := p.contract.encode(p.contract.names["command hit"], map[string]any{"target": "go", "by": 2.5})
			err = send(request, p.contract.encode("RequestMessage", map[string]any{
				"correlation": uint32(7), "command": uint32(0x0100), "payload": hit}))
		case id == replyID:
			reply := p.contract.decode("ReplyMessage", frame[4:])
			value := p.contract.decode(p.contract.names["reply hit"], get(reply, "payload").Bytes())
			err = out.Encode(map[string]any{"reply": p.contract.object(value), "correlation": get(reply, "correlation").Uint()})
		case id == leftID:
			err = out.Encode(map[string]any{"left": get(p.contract.decode("LeftMessage", frame[4:]), "code").Int()})
		}
		if said != nil {
			err = out.Encode(said)
			if said["event"] == "hit" {
				err = send(leave, nil)
			}
		}
		if err != nil {
			return err
		}
	}
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: interop <descriptors> <Room> replay|play <frames or address>")
	}
	found, err := readContract(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	p := &player{contract: found, room: os.Args[2], replica: &replica{contract: found, room: os.Args[2]}}
	out := json.NewEncoder(os.Stdout)
	switch os.Args[3] {
	case "replay":
		err = p.replay(os.Args[4], out)
	case "play":
		err = p.play(os.Args[4], out)
	default:
		err = fmt.Errorf("expected replay or play, got %q", os.Args[3])
	}
	if err != nil {
		log.Fatal(err)
	}
}
