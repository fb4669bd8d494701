package onnxio

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// The graph of most vectors has one initializer w and one output y, which is w
// unless the file is read in another way: onnxruntime runs it without inputs.

// operator is a NodeProto.
func operator(op string, in, out []string, more ...[]byte) []byte {
	var b []byte
	for _, s := range in {
		b = append(b, text(nodeInput, s)...)
	}
	for _, s := range out {
		b = append(b, text(nodeOutput, s)...)
	}
	return cat(b, text(nodeOpType, op), cat(more...))
}

func list(names ...string) []string { return names }

// typed is a ValueInfoProto of a tensor.
func typed(name string, dt onnxpb.TensorProto_DataType, dims ...int) []byte {
	var shape []byte
	for _, d := range dims {
		shape = append(shape, field(1, varint(1, uint64(d)))...)
	}
	return cat(text(1, name), field(2, field(1, cat(varint(1, uint64(dt)), field(2, shape)))))
}

// graphOf is a GraphProto with these nodes.
func graphOf(name, output string, dims []int, nodes [][]byte, more ...[]byte) []byte {
	var b []byte
	for _, n := range nodes {
		b = append(b, field(graphNode, n)...)
	}
	return cat(b, text(graphName, name), field(graphOutput, typed(output, float32Type, dims...)), cat(more...))
}

// one is a model with these tensors as initializers, whose output is w.
func one(tensors ...[]byte) []byte {
	var inits []byte
	for _, t := range tensors {
		inits = append(inits, field(graphInitializer, t)...)
	}
	return modelOf(graphOf("g", "y", shape(2), [][]byte{operator("Identity", list("w"), list("y"))}, inits))
}

// two floats in a tensor called w, besides other fields.
func pair(more ...[]byte) []byte { return tensor("w", float32Type, shape(2), more...) }

// nodes is a model with these nodes and w.
func nodes(n ...[]byte) []byte { return nodesAnd(nil, n...) }

// nodesAnd is nodes with more fields of the graph.
func nodesAnd(more []byte, n ...[]byte) []byte {
	return modelOf(graphOf("g", "y", shape(2), n, field(graphInitializer, pair(raw(floats(1, 2)))), more))
}

// constant is a Constant node.
func constant(out string, values ...float32) []byte {
	return operator("Constant", nil, list(out), field(nodeAttribute, attribute("value", field(attributeT, tensor("", float32Type, shape(len(values)), raw(floats(values...)))))))
}

// branches is an If with these branches, which reads c.
func branches(then, otherwise []byte, after ...[]byte) []byte {
	n := operator("If", list("c"), list("y"), field(nodeAttribute, attribute("then_branch", field(attributeG, then))), field(nodeAttribute, attribute("else_branch", field(attributeG, otherwise))))
	c := field(graphInitializer, tensor("c", onnxpb.TensorProto_BOOL, nil, raw([]byte{1})))
	return nodesAnd(c, append([][]byte{n}, after...)...)
}

// function is a FunctionProto with input a and output b.
func function(domain, name string, nodes [][]byte, more ...[]byte) []byte {
	var b []byte
	for _, n := range nodes {
		b = append(b, field(functionNode, n)...)
	}
	return field(functionDef, cat(text(1, name), text(4, "a"), text(5, "b"), b, field(9, varint(2, 17)), text(10, domain), cat(more...)))
}

func imports(domain string, version uint64) []byte {
	return field(importedOpset, cat(text(1, domain), varint(2, version)))
}

func domain(d string) []byte { return text(nodeDomain, d) }

// leaky is a LeakyRelu with this AttributeProto.
func leaky(in, out string, attribute ...[]byte) []byte {
	return operator("LeakyRelu", list(in), list(out), field(nodeAttribute, cat(attribute...)))
}

func float32Field(num protowire.Number, v float32) []byte {
	return cat(protowire.AppendTag(nil, num, protowire.Fixed32Type), floats(v))
}

// padded is a varint of n bytes.
func padded(v uint64, n int) []byte {
	b := protowire.AppendVarint(nil, v)
	for len(b) < n {
		b[len(b)-1] |= 0x80
		b = append(b, 0)
	}
	return b
}

func vectorCases() []vectorCase {
	return append(append(wireCases(), tensorCases()...), append(graphCases(), externalCases()...)...)
}

func wireCases() []vectorCase {
	w := pair(raw(floats(1, 2)))
	bare := cat(varint(tensorDims, 2), varint(tensorDataType, 1), raw(floats(1, 2)))
	deep := graphOf("inner", "o", shape(2), [][]byte{operator("Neg", list("w"), list("o"))})
	for range 31 {
		deep = graphOf("inner", "o", shape(2), [][]byte{operator("If", list("c"), list("o"), field(nodeAttribute, attribute("then_branch", field(attributeG, deep))))})
	}
	valid := one(w)
	group := cat(protowire.AppendTag(nil, 99, protowire.StartGroupType), protowire.AppendTag(nil, 99, protowire.EndGroupType))
	return []vectorCase{
		accepted("valid", "a valid model", valid),
		accepted("unpacked", "repeated numbers one by one", one(tensor("w", float32Type, shape(2), unpackedFloats(1, 2)))),
		accepted("packed-dims", "dims in packed form", one(cat(field(tensorDims, []byte{2}), varint(tensorDataType, 1), raw(floats(1, 2)), text(tensorName, "w")))),
		accepted("packed-and-unpacked", "one list in both forms", one(tensor("w", float32Type, shape(2), cat(field(tensorFloatData, floats(1)), unpackedFloats(2))))),
		accepted("padded", "a length of five bytes for one", one(cat(bare, protowire.AppendTag(nil, tensorName, protowire.BytesType), padded(1, 5), []byte("w")))),
		accepted("unknown-field", "a field of a later version", one(pair(raw(floats(1, 2)), text(unknownField, "x")))),

		refused(WireFormat, "truncated", "the last ten bytes are missing", valid[:len(valid)-10]),
		refused(WireFormat, "field-number-0", "a field of number 0", cat(valid, []byte{2, 0})),
		refused(WireFormat, "trailing-zeros", "zeros behind the model, where the C++ library stops reading", cat(valid, make([]byte, 4))),
		refused(WireFormat, "trailing-end-group", "the end of a group behind the model, where the C++ library stops reading", cat(valid, []byte{0x0c}, []byte("anything"))),
		refused(WireFormat, "varint-of-65-bits", "an int64 whose tenth byte has more than one bit", one(w, cat(varint(tensorDims, 1), varint(tensorDataType, 7), field(tensorInt64Data, cat(bytes.Repeat([]byte{0xff}, 9), []byte{0x7f})), text(tensorName, "v")))),
		refused(WireFormat, "half-a-float", "float_data of seven bytes", one(pair(field(tensorFloatData, floats(1, 2)[:7])))),
		refused(WireType, "raw-as-number", "raw_data once more, as a number that readers ignore", one(pair(raw(floats(1, 2)), varint(tensorRawData, 1)))),
		refused(WireType, "dims-as-fixed64", "dims once more, as a fixed64 that readers ignore", one(pair(protowire.AppendFixed64(protowire.AppendTag(nil, tensorDims, protowire.Fixed64Type), 2), raw(floats(1, 2))))),
		refused(WireGroup, "group", "an unknown group", one(pair(raw(floats(1, 2)), group))),
		refused(OverlongVarint, "tag-of-six-bytes", "a tag of six bytes", one(cat(bare, padded(tensorName<<3|2, 6), []byte{1}, []byte("w")))),
		refused(OverlongVarint, "length-of-six-bytes", "a length of six bytes", one(cat(bare, protowire.AppendTag(nil, tensorName, protowire.BytesType), padded(1, 6), []byte("w")))),
		refused(RepeatedField, "graph-twice", "two graphs, which readers merge", cat(valid, field(modelGraph, text(graphName, "h")))),
		refused(RepeatedField, "name-twice", "a tensor with two names", one(tensor("v", float32Type, shape(2), raw(floats(1, 2)), text(tensorName, "w")))),
		refused(RepeatedField, "raw-data-twice", "two raw_data", one(pair(raw(floats(8, 9)), raw(floats(1, 2))))),
		refused(RepeatedField, "tensor-twice", "an attribute with two tensors, which readers merge", nodes(operator("Constant", nil, list("y"), field(nodeAttribute, attribute("value", cat(field(attributeT, w), field(attributeT, w))))))),
		refused(RepeatedField, "oneof-twice", "a type that is a sequence and a tensor", modelOf(cat(graphOf("g", "y", shape(2), [][]byte{operator("Identity", list("w"), list("y"))}, field(graphInitializer, w)),
			field(13, cat(text(1, "w"), field(2, cat(field(4, nil), field(1, varint(1, 1))))))))),
		refused(EnumRange, "data-location-2", "data_location EXTERNAL, then 2, which closed enumerations ignore", one(pair(raw(floats(1, 2)), field(tensorExternalData, entry("location", "w.bin")), varint(tensorDataLocation, 2)))),
		refused(EnumRange, "data-location-33-bits", "data_location 2³²+1, which is 1 in 32 bits", one(pair(field(tensorExternalData, entry("location", "w.bin")), varint(tensorDataLocation, 1<<32|1)))),
		refused(EnumRange, "attribute-type-99", "an attribute of type 99", nodes(leaky("w", "y", text(1, "alpha"), float32Field(attributeF, 10), varint(attributeType, 99)))),
		refused(IntegerRange, "data-type-33-bits", "data_type 2³²+1, which is 1 in 32 bits", one(cat(varint(tensorDims, 2), varint(tensorDataType, 1<<32|1), raw(floats(1, 2)), text(tensorName, "w")))),
		refused(InvalidName, "latin-1", "an initializer's name in Latin-1", one(w, tensor("\xe4", float32Type, shape(1), raw(floats(1))))),
		refused(InvalidName, "surrogate", "a node's name with half of a surrogate pair", nodes(operator("Identity", list("w"), list("y"), text(nodeName, "\xed\xa0\x80")))),
		refused(InvalidName, "zero-byte", "an operator's name with a zero byte, where C ends it", nodes(operator("Identity", list("w"), list("y")), operator("Neg\x00", list("w"), list("z")))),
		refused(TooDeep, "nested-101", "messages 101 deep", branches(deep, deep)),
		refused(NoGraph, "no-graph", "nothing but a version", varint(modelIR, 8)),
	}
}

func tensorCases() []vectorCase {
	const boolean, str, int4 = onnxpb.TensorProto_BOOL, onnxpb.TensorProto_STRING, onnxpb.TensorProto_INT4
	w := pair(raw(floats(1, 2)))
	beside := func(dt onnxpb.TensorProto_DataType, dims []int, more ...[]byte) []byte {
		return one(w, tensor("v", dt, dims, more...))
	}
	return []vectorCase{
		refused(TensorType, "type-undefined", "an initializer of type UNDEFINED", beside(0, shape(2), raw(floats(1, 2)))),
		refused(TensorType, "type-99", "an initializer of type 99", beside(99, shape(2), raw(floats(1, 2)))),
		refused(TensorDims, "negative-dimension", "a dimension of -2", beside(float32Type, shape(-2), raw(floats(1, 2)))),
		refused(TensorDims, "too-many-elements", "2⁶²·4 elements", beside(float32Type, shape(1<<62, 4))),
		refused(TensorSize, "raw-too-long", "three floats for two", beside(float32Type, shape(2), raw(floats(1, 2, 3)))),
		refused(TensorSize, "raw-too-short", "one float for two", beside(float32Type, shape(2), raw(floats(1)))),
		refused(TensorSize, "too-many-entries", "three entries for two", beside(float32Type, shape(2), field(tensorFloatData, floats(1, 2, 3)))),
		refused(TensorSize, "no-elements", "no elements for two", beside(float32Type, shape(2))),
		refused(TensorStorage, "raw-and-typed", "raw_data and float_data", one(pair(raw(floats(1, 2)), field(tensorFloatData, floats(8, 9))))),
		refused(TensorStorage, "two-typed", "float_data and int32_data", one(pair(field(tensorFloatData, floats(1, 2)), packedVarints(tensorInt32Data, 8, 9)))),
		refused(TensorStorage, "empty-raw-and-typed", "empty raw_data, which readers prefer, and float_data", one(pair(raw(nil), field(tensorFloatData, floats(1, 2))))),
		refused(TensorStorage, "wrong-field", "floats in int32_data", beside(float32Type, shape(2), packedVarints(tensorInt32Data, 8, 9))),
		refused(TensorStorage, "strings-in-raw", "strings in raw_data", beside(str, shape(1), raw([]byte("ab")))),
		refused(TensorStorage, "external-not-external", "external_data without data_location", one(pair(raw(floats(1, 2)), field(tensorExternalData, entry("location", "w.bin"))))),
		refused(TensorValue, "bool-256", "a bool of 256 in int32_data, true or false by reader", beside(boolean, shape(2), packedVarints(tensorInt32Data, 256, 0))),
		refused(TensorValue, "bool-2", "a bool of 2 in raw_data", beside(boolean, shape(2), raw([]byte{2, 0}))),
		refused(TensorValue, "float16-minus-1", "float16 bits with an extended sign", beside(float16Type, shape(1), packedVarints(tensorInt32Data, -1))),
		refused(TensorValue, "float16-17-bits", "float16 bits of 17 bits", beside(float16Type, shape(1), packedVarints(tensorInt32Data, 1<<16|0x3c00))),
		refused(TensorValue, "int8-300", "an int8 of 300", beside(int8Type, shape(1), packedVarints(tensorInt32Data, 300))),
		refused(TensorValue, "int32-33-bits", "an int32 of 2³²+5", beside(onnxpb.TensorProto_INT32, shape(1), packedVarints(tensorInt32Data, 1<<32|5))),
		refused(TensorValue, "uint32-33-bits", "a uint32 of 2³²+5", beside(onnxpb.TensorProto_UINT32, shape(1), packedVarints(tensorUint64Data, 1<<32|5))),
		refused(TensorValue, "int4-9-bits", "a byte of int4 with nine bits", beside(int4, shape(2), packedVarints(tensorInt32Data, 0x121))),
		refused(TensorSegment, "segment", "a segment", one(pair(field(tensorSegment, varint(1, 0)), raw(floats(1, 2))))),
	}
}

func graphCases() []vectorCase {
	w := pair(raw(floats(1, 2)))
	neg := func(in, out string, more ...[]byte) []byte { return operator("Neg", list(in), list(out), more...) }
	then := func(nodes [][]byte, more ...[]byte) []byte { return graphOf("then", "o", shape(2), nodes, more...) }
	otherwise := graphOf("else", "p", shape(2), [][]byte{operator("Abs", list("w"), list("p"))})
	alpha := func(more ...[]byte) []byte { return cat(text(1, "alpha"), cat(more...)) }
	float := varint(attributeType, uint64(onnxpb.AttributeProto_FLOAT))
	calls := func(name, d string) []byte { return nodes(operator(name, list("w"), list("y"), domain(d))) }
	softmax := func(opsets ...[]byte) []byte {
		square := field(graphInitializer, tensor("w", float32Type, shape(2, 2), raw(floats(1, 2, 3, 4))))
		g := graphOf("g", "y", shape(2, 2), [][]byte{operator("Softmax", list("w"), list("y"), field(nodeAttribute, cat(text(1, "axis"), varint(attributeI, 0), varint(attributeType, 2))))}, square)
		return cat(varint(modelIR, 8), field(modelGraph, g), cat(opsets...))
	}
	own := imports("own", 1)
	return []vectorCase{
		accepted("branches", "nested graphs that use names of their own and of the graph around them", branches(then([][]byte{neg("w", "o")}), otherwise)),
		accepted("own-output", "a branch whose output has the name of the node's", branches(graphOf("then", "y", shape(2), [][]byte{neg("w", "y")}), otherwise)),
		accepted("function", "a function with an attribute", cat(nodes(operator("F", list("w"), list("y"), domain("own"), field(nodeAttribute, cat(text(1, "slope"), float32Field(attributeF, 10), float)))), own,
			function("own", "F", [][]byte{leaky("a", "b", alpha(text(attributeRef, "slope"), float))}, text(6, "slope")))),
		accepted("opset-twice", "an operator set imported twice, in one version", softmax(imports("", 17), imports("", 17))),

		accepted("unsorted", "nodes of the main graph in the wrong order", nodes(neg("v", "y"), neg("w", "v"))),

		refused(IRVersion, "no-ir-version", "no IR version", cat(field(modelGraph, graphOf("g", "y", shape(2), [][]byte{neg("w", "y")}, field(graphInitializer, w))), opset)),
		refused(IRVersion, "ir-version-99", "IR version 99", cat(varint(modelIR, 99), field(modelGraph, graphOf("g", "y", shape(2), [][]byte{neg("w", "y")}, field(graphInitializer, w))), opset)),
		refused(IRVersion, "ir-version-3-branch", "a branch's initializer that is no input, in IR version 3, which onnxruntime refuses",
			cat(varint(modelIR, 3), branches(then([][]byte{neg("k", "o")}, field(graphInitializer, tensor("k", float32Type, shape(2), raw(floats(1, 2))))), otherwise)[2:])),
		refused(OpsetImport, "no-opset", "no operator set", softmax()),
		refused(OpsetImport, "opset-17-and-11", "operator sets 17 and 11 of one domain: Softmax has two meanings", softmax(imports("", 17), imports("", 11))),
		refused(OpsetImport, "opset-of-two-names", "operator sets 17 and 11, one as ai.onnx", softmax(imports("", 17), imports("ai.onnx", 11))),
		refused(OpsetImport, "opset-not-imported", "a node whose operator set is not imported: readers take the first, or the latest", softmax(imports("ai.onnx.ml", 2))),
		refused(OpsetImport, "opset-33-bits", "operator set 2³²+17", softmax(imports("", 1<<32|17))),
		refused(DuplicateName, "initializer-twice", "two initializers called w: readers take the first or the last", one(w, pair(raw(floats(8, 9))))),
		refused(DuplicateName, "dense-and-sparse", "a dense and a sparse initializer called w", nodesAnd(field(graphSparse, cat(field(1, tensor("w", float32Type, shape(1), raw(floats(5)))), field(2, tensor("", int64Type, shape(1), packedVarints(tensorInt64Data, 1))), varint(3, 2))), neg("w", "y"))),
		refused(DuplicateName, "constant-over-initializer", "a Constant called as an initializer, which it replaces in onnxruntime", nodes(operator("Identity", list("w"), list("y")), constant("w", 8, 9))),
		refused(DuplicateName, "constant-twice", "two Constants of one name", nodes(constant("v", 1, 2), constant("v", 8, 9), operator("Add", list("w", "v"), list("y")))),
		refused(DuplicateName, "output-over-input", "a node's output called as a graph's input", nodesAnd(field(graphInput, typed("x", float32Type, 2)), neg("w", "x"), operator("Identity", list("x"), list("y")))),
		refused(DuplicateName, "input-twice", "two inputs of one name", nodesAnd(cat(field(graphInput, typed("x", float32Type, 2)), field(graphInput, typed("x", float32Type, 2))), neg("w", "y"))),
		refused(DuplicateName, "node-name-twice", "two nodes of one name, which onnxruntime refuses", nodes(neg("w", "v", text(nodeName, "n")), neg("v", "y", text(nodeName, "n")))),
		refused(DuplicateName, "function-twice", "two functions of one name", cat(calls("F", "own"), own, function("own", "F", [][]byte{neg("a", "b")}), function("own", "F", [][]byte{operator("Exp", list("a"), list("b"))}))),
		refused(ShadowedName, "initializer-shadows", "a branch's initializer called as one around it: onnxruntime computes with the outer one", branches(then([][]byte{neg("w", "o")}, field(graphInitializer, pair(raw(floats(8, 9))))), otherwise)),
		refused(ShadowedName, "constant-shadows", "a branch's Constant called as an initializer around it", branches(then([][]byte{constant("w", 8, 9), neg("w", "o")}), otherwise)),
		refused(ShadowedName, "shadows-later", "a branch's value called as one that is computed later around it", branches(then([][]byte{neg("w", "z"), operator("Exp", list("z"), list("o"))}), otherwise, operator("Abs", list("w"), list("z")))),
		refused(MissingName, "initializer-without-name", "an initializer without a name", one(w, tensor("", float32Type, shape(1), raw(floats(1))))),
		refused(MissingName, "node-without-operator", "a node without an operator", nodes(neg("w", "y"), operator("", list("w"), list("z")))),
		refused(MissingName, "branch-without-name", "a branch without a name", branches(graphOf("", "o", shape(2), [][]byte{neg("w", "o")}), otherwise)),
		refused(UndefinedValue, "input-undefined", "a node whose input nothing computes", nodes(neg("w", "y"), neg("q", "z"))),
		refused(UndefinedValue, "output-undefined", "an output that nothing computes", modelOf(graphOf("g", "q", shape(2), [][]byte{neg("w", "y")}, field(graphInitializer, w)))),
		refused(UndefinedValue, "branch-output-outside", "a branch whose output is a value of the graph around it", branches(graphOf("then", "w", shape(2), nil), otherwise)),
		refused(Unsorted, "branch-unsorted", "a branch whose nodes are in the wrong order", branches(then([][]byte{neg("q", "o"), neg("w", "q")}), otherwise)),
		refused(InitializerType, "input-of-another-shape", "an initializer of two elements that is an input of three", nodesAnd(field(graphInput, typed("w", float32Type, 3)), neg("w", "y"))),
		refused(InitializerType, "input-of-another-type", "an initializer of floats that is an input of integers", nodesAnd(field(graphInput, typed("w", onnxpb.TensorProto_INT32, 2)), neg("w", "y"))),
		refused(ValueType, "input-type-99", "an input of element type 99", nodesAnd(field(graphInput, typed("x", 99, 2)), neg("w", "y"))),
		refused(ValueType, "input-without-type", "an input without a type", nodesAnd(field(graphInput, text(1, "x")), neg("w", "y"))),
		refused(AttributeType, "attribute-without-type", "an attribute without a type", nodes(leaky("w", "y", alpha(float32Field(attributeF, 10))))),
		refused(AttributeType, "attribute-of-another-type", "a float with type INT", nodes(leaky("w", "y", alpha(float32Field(attributeF, 10), varint(attributeType, 2))))),
		refused(AttributeType, "attribute-of-two-values", "a float and an integer in one attribute", nodes(leaky("w", "y", alpha(float32Field(attributeF, 10), varint(attributeI, 20), float)))),
		refused(ConstantNode, "constant-of-two-values", "a Constant with two values, of which readers take either", nodes(operator("Constant", nil, list("v"), field(nodeAttribute, attribute("value", field(attributeT, tensor("", float32Type, shape(2), raw(floats(8, 9)))))), field(nodeAttribute, cat(text(1, "value_float"), float32Field(attributeF, 5), float))), operator("Add", list("w", "v"), list("y")))),
		refused(AttributeValue, "tensor-missing", "a tensor attribute without its tensor", nodes(operator("Constant", nil, list("v"), field(nodeAttribute, cat(text(1, "value"), varint(attributeType, 4)))), operator("Add", list("w", "v"), list("y")))),
		refused(DuplicateAttr, "attribute-twice", "two attributes of one name", nodes(operator("LeakyRelu", list("w"), list("y"), field(nodeAttribute, alpha(float32Field(attributeF, 10), float)), field(nodeAttribute, alpha(float32Field(attributeF, 20), float))))),
		refused(AttributeRef, "ref-in-main-graph", "ref_attr_name outside of a function, with a value", nodes(leaky("w", "y", alpha(float32Field(attributeF, 10), text(attributeRef, "slope"), float)))),
		refused(AttributeRef, "ref-alone-in-main-graph", "ref_attr_name outside of a function: 0 in onnxruntime, else the default", nodes(leaky("w", "y", alpha(text(attributeRef, "slope"), float)))),
		refused(AttributeRef, "ref-and-value", "a reference and a value in a function", cat(calls("F", "own"), own, function("own", "F", [][]byte{leaky("a", "b", alpha(float32Field(attributeF, 10), text(attributeRef, "slope"), float))}, text(6, "slope")))),
		refused(AttributeRef, "ref-undeclared", "a reference to an attribute that the function does not declare", cat(calls("F", "own"), own, function("own", "F", [][]byte{leaky("a", "b", alpha(text(attributeRef, "slope"), float))}))),
		refused(ReservedFunction, "function-abs", "a function called Abs in ONNX's domain, which onnxruntime ignores", cat(nodes(operator("Abs", list("w"), list("y"))), function("ai.onnx", "Abs", [][]byte{neg("a", "b")}))),
		refused(ReservedFunction, "function-gelu", "a function called Gelu in com.microsoft, which onnxruntime ignores", cat(calls("Gelu", "com.microsoft"), imports("com.microsoft", 1), function("com.microsoft", "Gelu", [][]byte{neg("a", "b")}))),
		refused(ReservedFunction, "constant-of-another-domain", "Constant in a domain of its own, which onnxruntime takes for ONNX's", cat(nodes(cat(constant("v", 8, 9), domain("own")), operator("Add", list("w", "v"), list("y"))), own,
			field(functionDef, cat(text(1, "Constant"), text(5, "b"), text(6, "value"), field(functionNode, constant("b", 1, 2)), field(9, varint(2, 17)), text(10, "own"))))),
		refused(FunctionCall, "function-call", "a call with two inputs of a function with one", cat(nodes(operator("F", list("w", "w"), list("y"), domain("own"))), own, function("own", "F", [][]byte{neg("a", "b")}))),
		refused(FunctionCycle, "function-cycle", "two functions that call each other", cat(calls("F", "own"), own,
			function("own", "F", [][]byte{operator("G", list("a"), list("b"), domain("own"))}, field(9, cat(text(1, "own"), varint(2, 1)))),
			function("own", "G", [][]byte{operator("F", list("a"), list("b"), domain("own"))}, field(9, cat(text(1, "own"), varint(2, 1)))))),
	}
}

func externalCases() []vectorCase {
	w := func(keyValues ...string) []byte { return one(pair(externalData(keyValues...))) }
	data := floats(1, 2, 3, 4)
	return []vectorCase{
		withData("", "valid", "offset and length", w("location", "w.bin", "offset", "4", "length", "8"), "w.bin", data),
		withData("", "sub-folder", "a data file in a sub-folder, another spelling", w("location", "./sub//w.bin"), "sub/w.bin", data),
		withData(TensorStorage, "and-raw", "external data and raw_data", one(pair(raw(floats(8, 9)), externalData("location", "w.bin"))), "w.bin", data),
		withData(TensorStorage, "strings", "strings in external data", one(pair(raw(floats(1, 2))), tensor("v", onnxpb.TensorProto_STRING, shape(1), externalData("location", "w.bin"))), "w.bin", data),
		withData(TensorValue, "bool-63", "bools in external data that are neither true nor false", one(pair(raw(floats(1, 2))), tensor("v", onnxpb.TensorProto_BOOL, shape(4), externalData("location", "w.bin"))), "w.bin", data),
		withData(RepeatedField, "value-twice", "an entry with two values", one(pair(field(tensorExternalData, cat(entry("location", "v.bin"), text(entryValueNumber, "w.bin"))), varint(tensorDataLocation, 1))), "w.bin", data, "v.bin", floats(8, 9)),
		withData(ExternalKey, "location-twice", "two locations", w("location", "v.bin", "location", "w.bin"), "w.bin", data, "v.bin", floats(8, 9)),
		withData(ExternalKey, "unknown-key", "a key that is not known", w("location", "w.bin", "basepath", "sub"), "w.bin", data, "sub/w.bin", floats(8, 9)),
		withData(ExternalKey, "prepacked", "a key of onnxruntime's, which makes it compute with other bytes than the weight's", w("location", "w.bin", "prepacked_0", "x|8|8"), "w.bin", data),
		withData(ExternalNumber, "offset-sign", "an offset with a sign", w("location", "w.bin", "offset", "+4", "length", "8"), "w.bin", data),
		withData(ExternalNumber, "offset-65-bits", "an offset of 2⁶⁴", w("location", "w.bin", "offset", "18446744073709551616", "length", "8"), "w.bin", data),
		withData("", "length-0", "a length of 0, which onnx and onnxruntime take for none", w("location", "w.bin", "length", "0"), "w.bin", data),
		withData(ExternalNumber, "length-12", "a length of three floats for two", w("location", "w.bin", "length", "12"), "w.bin", data),
		withData(ExternalPath, "no-location", "no location", w("offset", "0"), "w.bin", data),
		withData(ExternalPath, "absolute", "an absolute location", w("location", "/etc/hostname")),
		withData(ExternalPath, "dots", "a location with \"..\"", w("location", "sub/../w.bin"), "w.bin", data, "sub/w.bin", data),
		withData(ExternalPath, "slash", "a location with a slash at its end", w("location", "w.bin/"), "w.bin", data),
		withData(ExternalPath, "zero-byte", "a location with a zero byte, where C ends it", w("location", "w.bin\x00x"), "w.bin", data),
		withData(ExternalPath, "memory", "an address in memory", w("location", "*/_ORT_MEM_ADDR_/*", "offset", "4096", "length", "8")),
		withData(ExternalFile, "missing", "a data file that is not there", w("location", "w.bin")),
		withData(ExternalFile, "short", "a data file that ends too early", w("location", "w.bin", "offset", "12", "length", "8"), "w.bin", data),
		withData(ExternalFile, "itself", "the model as its own data", w("location", "model.onnx", "length", "8")),
	}
}
