package main

import (
	"math"
	"os"
	"regexp"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

var (
	titleOf = regexp.MustCompile(`^ ((?:event|command|reply) [^,\s]+)`)
	stepOf  = regexp.MustCompile(`step ([0-9.e+-]+)`)
)

// contract has the messages of a game, and what only their comments say: the step of a quantised number, by field,
// and the message of an event, a command or a reply, by its title.
type contract struct {
	file  protoreflect.FileDescriptor
	steps map[protoreflect.FullName]float64
	names map[string]string
}

func readContract(path string) (*contract, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(bytes, set); err != nil {
		return nil, err
	}
	file, err := protodesc.NewFile(set.File[0], nil)
	if err != nil {
		return nil, err
	}
	c := &contract{file, map[protoreflect.FullName]float64{}, map[string]string{}}
	c.readComments(file.Messages())
	return c, nil
}

func (c *contract) readComments(messages protoreflect.MessageDescriptors) {
	for i := 0; i < messages.Len(); i++ {
		message := messages.Get(i)
		place := c.file.SourceLocations().ByDescriptor(message)
		if title := titleOf.FindStringSubmatch(place.LeadingComments); title != nil {
			c.names[title[1]] = string(message.Name())
		}
		for k := 0; k < message.Fields().Len(); k++ {
			field := message.Fields().Get(k)
			note := c.file.SourceLocations().ByDescriptor(field).TrailingComments
			if step := stepOf.FindStringSubmatch(note); step != nil {
				c.steps[field.FullName()], _ = strconv.ParseFloat(step[1], 64)
			}
		}
		c.readComments(message.Messages())
	}
}

func (c *contract) message(name string) protoreflect.MessageDescriptor {
	return c.file.Messages().ByName(protoreflect.Name(name))
}

func (c *contract) decode(name string, payload []byte) protoreflect.Message {
	message := dynamicpb.NewMessage(c.message(name))
	if err := proto.Unmarshal(payload, message); err != nil {
		panic(err)
	}
	return message
}

// encode takes values as games have them: a quantised number goes as its count of steps.
func (c *contract) encode(name string, fields map[string]any) []byte {
	message := dynamicpb.NewMessage(c.message(name))
	for key, value := range fields {
		field := message.Descriptor().Fields().ByName(protoreflect.Name(key))
		if step, ok := c.steps[field.FullName()]; ok {
			value = int32(math.Round(value.(float64) / step))
		}
		message.Set(field, protoreflect.ValueOf(value))
	}
	bytes, err := proto.Marshal(message)
	if err != nil {
		panic(err)
	}
	return bytes
}

// value is a value as games have it: steps become numbers, messages objects.
func (c *contract) value(field protoreflect.FieldDescriptor, value protoreflect.Value) any {
	if step, ok := c.steps[field.FullName()]; ok {
		steps, perUnit := float64(value.Int()), math.Round(1/step)
		if math.Abs(perUnit*step-1) < 1e-9 {
			return steps / perUnit
		}
		return steps * step
	}
	switch field.Kind() {
	case protoreflect.MessageKind:
		return c.object(value.Message())
	case protoreflect.EnumKind:
		return string(field.Enum().Values().ByNumber(value.Enum()).Name())
	case protoreflect.FloatKind:
		return float64(float32(value.Float()))
	}
	return value.Interface()
}

func (c *contract) values(field protoreflect.FieldDescriptor, list protoreflect.List) []any {
	items := make([]any, list.Len())
	for i := range items {
		items[i] = c.value(field, list.Get(i))
	}
	return items
}

func (c *contract) object(message protoreflect.Message) map[string]any {
	object := map[string]any{}
	fields := message.Descriptor().Fields()
	for i := 0; i < fields.Len(); i++ {
		field := fields.Get(i)
		switch {
		case field.IsList():
			object[string(field.Name())] = c.values(field, message.Get(field).List())
		case field.HasOptionalKeyword() && !message.Has(field):
			object[string(field.Name())] = nil
		default:
			object[string(field.Name())] = c.value(field, message.Get(field))
		}
	}
	return object
}

// isGroup tells whether a field of a patch has groups of objects.
func isGroup(field protoreflect.FieldDescriptor) bool {
	return field.Number() >= 8
}
