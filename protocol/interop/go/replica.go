package main

import (
	"sort"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// node is one object of the state. Its parent's field says what it is there; the key, where that is a map.
type node struct {
	message protoreflect.MessageDescriptor
	parent  uint32
	member  protoreflect.FieldDescriptor
	key     string
	fields  map[string]any
	inner   map[uint32]bool
}

// replica is the state of a room, from STATE and PATCH (docs/protocol.md, "State patches").
type replica struct {
	contract *contract
	room     string
	nodes    map[uint32]*node
}

func (r *replica) apply(patch protoreflect.Message, isFull bool) {
	if isFull {
		r.nodes = map[uint32]*node{}
	}
	removed := get(patch, "removed_handles").List()
	for i := 0; i < removed.Len(); i++ {
		r.remove(uint32(removed.Get(i).Uint()))
	}
	fields := patch.Descriptor().Fields()
	groups := []protoreflect.FieldDescriptor{}
	for i := 0; i < fields.Len(); i++ {
		if isGroup(fields.Get(i)) {
			groups = append(groups, fields.Get(i))
		}
	}
	sort.Slice(groups, func(a, b int) bool { return groups[a].Number() < groups[b].Number() })
	// All that is created comes first, by class; its numbers are even.
	for change := protoreflect.FieldNumber(0); change < 2; change++ {
		for _, field := range groups {
			if field.Number()%2 != change {
				continue
			}
			list := patch.Get(field).List()
			for i := 0; i < list.Len(); i++ {
				r.applyGroup(list.Get(i).Message(), change == 0)
			}
		}
	}
}

func (r *replica) applyGroup(group protoreflect.Message, created bool) {
	handles := get(group, "object_handles").List()
	if created {
		for row := 0; row < handles.Len(); row++ {
			r.create(group, row, uint32(handles.Get(row).Uint()))
		}
	}
	columns := group.Descriptor().Fields()
	for i := 0; i < columns.Len(); i++ {
		column := columns.Get(i)
		if column.Number() <= 5 || !group.Has(column) {
			continue
		}
		rows := group.Get(column).List()
		for row := 0; row < rows.Len(); row++ {
			at := r.nodes[uint32(handles.Get(row).Uint())]
			field := at.message.Fields().ByNumber(column.Number() - 5)
			if field.IsList() {
				wrapper := rows.Get(row).Message()
				items := wrapper.Descriptor().Fields().ByName("items")
				at.fields[string(field.Name())] = r.contract.values(items, wrapper.Get(items).List())
			} else {
				at.fields[string(field.Name())] = r.contract.value(field, rows.Get(row))
			}
		}
	}
}

func (r *replica) create(group protoreflect.Message, row int, handle uint32) {
	r.remove(handle)
	created := &node{fields: map[string]any{}, inner: map[uint32]bool{}}
	parents := get(group, "object_parents").List()
	if parents.Len() == 0 {
		created.message = r.contract.message(r.room + "State")
	} else {
		place := row
		if parents.Len() == 1 {
			place = 0
		}
		created.parent = uint32(parents.Get(place).Uint())
		parent := r.nodes[created.parent]
		created.member = parent.message.Fields().ByNumber(protoreflect.FieldNumber(get(group, "parent_field").Uint()))
		created.message = created.member.Message()
		if created.member.IsMap() {
			created.message = created.member.MapValue().Message()
			created.key = get(group, "map_keys").List().Get(row).String()
		}
		for inner := range parent.inner {
			if other := r.nodes[inner]; other.member == created.member && other.key == created.key {
				r.remove(inner)
			}
		}
		parent.inner[handle] = true
	}
	r.setDefaults(created)
	r.nodes[handle] = created
}

// setDefaults gives every field that has a column its default: an absent column of new objects means that.
func (r *replica) setDefaults(created *node) {
	fields := created.message.Fields()
	for i := 0; i < fields.Len(); i++ {
		field := fields.Get(i)
		switch {
		case field.IsList():
			created.fields[string(field.Name())] = []any{}
		case field.Message() == nil:
			created.fields[string(field.Name())] = r.contract.value(field, field.Default())
		}
	}
}

func (r *replica) remove(handle uint32) {
	gone := r.nodes[handle]
	if gone == nil {
		return
	}
	delete(r.nodes, handle)
	if parent := r.nodes[gone.parent]; parent != nil {
		delete(parent.inner, handle)
	}
	for inner := range gone.inner {
		r.remove(inner)
	}
}

func (r *replica) state(handle uint32) map[string]any {
	at := r.nodes[handle]
	state := map[string]any{}
	for name, value := range at.fields {
		state[name] = value
	}
	fields := at.message.Fields()
	for i := 0; i < fields.Len(); i++ {
		if fields.Get(i).IsMap() {
			state[string(fields.Get(i).Name())] = map[string]any{}
		}
	}
	for inner := range at.inner {
		child := r.nodes[inner]
		if child.member.IsMap() {
			state[string(child.member.Name())].(map[string]any)[child.key] = r.state(inner)
		} else {
			state[string(child.member.Name())] = r.state(inner)
		}
	}
	return state
}
