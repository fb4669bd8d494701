package onnxio

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// apply replaces pieces in memory.
func apply(data []byte, pieces []piece) []byte {
	var out []byte
	at := int64(0)
	for _, p := range pieces {
		out = append(append(out, data[at:p.at]...), p.data...)
		at = p.end()
	}
	return append(out, data[at:]...)
}

// TestEnclose takes whole metadata fields out of nodes, at every depth, and
// rewrites strings: what --strip-metadata and renaming need.
func TestEnclose(t *testing.T) {
	meta := field(nodeMetadata, entry("stack", strings.Repeat("File", 50)))
	inner := cat(text(graphName, "inner"), field(graphNode, cat(text(nodeOpType, "Relu"), meta, text(unknownField, "kept"))))
	graph := cat(
		loose(graphNode, cat(meta, text(nodeOpType, "If"), loose(nodeAttribute, cat(text(1, "then"), loose(attributeG, inner), varint(attributeType, 5))), meta)),
		field(graphInitializer, tensor("w", float32Type, shape(1), raw(floats(1)))),
	)
	data := modelOf(graph)
	var removals []piece
	for at := 0; ; {
		i := bytes.Index(data[at:], meta)
		if i < 0 {
			break
		}
		removals = append(removals, piece{int64(at + i), int64(len(meta)), nil, false})
		at += i + len(meta)
	}
	if len(removals) != 3 {
		t.Fatalf("%d fields to remove", len(removals))
	}
	name := bytes.Index(data, []byte("then"))
	for _, c := range []struct {
		name   string
		pieces []piece
		want   func(m *onnxpb.ModelProto)
	}{
		{"nothing", nil, func(m *onnxpb.ModelProto) {}},
		{"one field", removals[1:2], func(m *onnxpb.ModelProto) {
			m.Graph.Node[0].Attribute[0].G.Node[0].MetadataProps = nil
		}},
		{"all fields, unsorted", []piece{removals[2], removals[0], removals[1]}, func(m *onnxpb.ModelProto) {
			m.Graph.Node[0].MetadataProps = nil
			m.Graph.Node[0].Attribute[0].G.Node[0].MetadataProps = nil
		}},
		{"a longer string", []piece{{int64(name), 4, bytes.Repeat([]byte("x"), 300), false}}, func(m *onnxpb.ModelProto) {
			m.Graph.Node[0].Attribute[0].Name = proto.String(strings.Repeat("x", 300))
		}},
		{"part of a string", []piece{{int64(name) + 1, 2, []byte("ee"), false}}, func(m *onnxpb.ModelProto) {
			m.Graph.Node[0].Attribute[0].Name = proto.String("teen")
		}},
		{"no string", []piece{{int64(name), 4, nil, false}}, func(m *onnxpb.ModelProto) {
			m.Graph.Node[0].Attribute[0].Name = proto.String("")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pieces, err := enclose(data, c.pieces)
			if err != nil {
				t.Fatal(err)
			}
			var got, want onnxpb.ModelProto
			if err := proto.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			c.want(&want)
			changed := apply(data, pieces)
			if err := proto.Unmarshal(changed, &got); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(&got, &want) {
				t.Errorf("got %v\nwant %v", &got, &want)
			}
			for _, p := range pieces { // bytes between pieces are found again
				if at := shiftBy(pieces).to(p.end()); p.end() < int64(len(data)) && !slices.ContainsFunc(pieces, func(q piece) bool { return q.at == p.end() }) && changed[at] != data[p.end()] {
					t.Errorf("byte %d is not at %d", p.end(), at)
				}
			}
		})
	}
}

// Pieces that cut through the structure are a mistake of the program, and are
// found.
func TestEncloseRefuses(t *testing.T) {
	data := modelOf(field(graphNode, text(nodeOpType, "Relu")))
	at := int64(bytes.Index(data, []byte("Relu")))
	for name, p := range map[string]piece{
		"a length prefix":      {at - 1, 1, []byte{4}, false},
		"beyond a string":      {at, 5, nil, false},
		"beyond the file":      {int64(len(data)), 1, nil, false},
		"beginning of a field": {at - 2, 3, nil, false},
	} {
		if got, err := enclose(data, []piece{p}); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestSplice compares splice with the same done in memory, for gaps around the
// sizes at which it changes its way of copying.
func TestSplice(t *testing.T) {
	data := make([]byte, 3*bulkSize+12345)
	for i := range data {
		data[i] = byte(i>>12) ^ byte(i)
	}
	dir := t.TempDir()
	src, err := os.Create(filepath.Join(dir, "src"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := src.Write(data); err != nil {
		t.Fatal(err)
	}
	size := int64(len(data))
	for name, pieces := range map[string][]piece{
		"none":            nil,
		"same sizes":      {{0, 4, []byte("abcd"), false}, {4, 1, []byte("e"), false}, {bulkSize + 77, 2, []byte("fg"), false}, {size - 1, 1, []byte("h"), false}},
		"other sizes":     {{10, 4, nil, false}, {20, 0, []byte("inserted"), false}, {2 * bulkSize, 5000, []byte("less"), false}, {size, 0, []byte("end"), false}},
		"everything":      {{0, size, []byte("x"), false}},
		"a window's end":  {{bufferSize - 2, 4, []byte("abcd"), false}, {2*bufferSize - 4, 4, []byte("efgh"), false}, {2 * bufferSize, 4, []byte("ijkl"), false}},
		"one after other": {{5, 1, []byte("longer"), false}, {6, 2, []byte("xy"), false}, {8, 3, nil, false}, {11, 0, []byte("z"), false}, {11, 1, []byte("w"), false}},
		"just under bulk": {{bulkSize - 1, 1, []byte("1"), false}, {2*bulkSize - 1, 1, nil, false}},
	} {
		t.Run(name, func(t *testing.T) {
			want := apply(data, pieces)
			dst, err := os.Create(filepath.Join(dir, "dst"))
			if err != nil {
				t.Fatal(err)
			}
			defer dst.Close()
			var memory bytes.Buffer
			for _, err := range []error{splice(dst, src, size, slices.Values(pieces)), splice(struct{ io.Writer }{&memory}, src, size, slices.Values(pieces))} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if got, err := os.ReadFile(dst.Name()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the file is wrong (%v)", err)
			}
			if !bytes.Equal(memory.Bytes(), want) {
				t.Error("what is written to memory is wrong")
			}
		})
	}
	var sink bytes.Buffer
	if err := splice(&sink, src, size+1, unchanged); err == nil {
		t.Error("a file that is shorter than expected is copied")
	}
	if err := splice(&sink, src, size, slices.Values([]piece{{4, 4, nil, false}, {6, 1, nil, false}})); err == nil {
		t.Error("overlapping pieces are applied")
	}
}
