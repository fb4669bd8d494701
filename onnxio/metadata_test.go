package onnxio

import "testing"

func TestMetadata(t *testing.T) {
	stack := cat(text(nodeOpType, "Relu"), field(nodeMetadata, entry("pkg.torch.onnx.stack_trace", "  File \"/home/u/train.py\", line 42, in forward\n    return x")))
	scope := field(nodeMetadata, entry("namespace", ": __main__.Net/conv: torch.nn.Conv2d"))
	nodeDoc := func(s string) []byte { return field(graphNode, cat(text(nodeOpType, "Relu"), text(6, s))) }
	for _, c := range []struct {
		name    string
		graph   []byte
		count   int
		example string
	}{
		{"nothing", field(graphNode, cat(text(nodeOpType, "Relu"), scope)), 0, ""},
		{"torch.export", cat(field(graphNode, cat(scope, stack)), field(graphNode, stack)), 2, "File \"/home/u/train.py\", line 42"},
		{"TorchScript", nodeDoc("/home/u/net.py(12): forward\n/usr/lib/module.py(9): call\n"), 1, "/home/u/net.py(12)"},
		{"with a colon", nodeDoc("at C:\\work\\net.py:12"), 1, "C:\\work\\net.py:12"},
		{"an ordinary doc string", nodeDoc("Computes x.pyramid (see paper.py for details)."), 0, ""},
		{"nested graph", field(graphNode, node("If", field(attributeG, cat(text(graphName, "then"), field(graphNode, stack))))), 1, "File \"/home/u/train.py\", line 42"},
		{"tensor", field(graphInitializer, tensor("w", float32Type, nil, raw(floats(1)), field(tensorMetadata, entry("from", "net.py:3")))), 1, "net.py:3"},
	} {
		if n, example := openBytes(t, modelOf(c.graph)).Metadata(); n != c.count || example != c.example {
			t.Errorf("%s: %d, %q, want %d, %q", c.name, n, example, c.count, c.example)
		}
	}
}
