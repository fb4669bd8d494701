package onnxpb

// Domain returns the name of an operator set by which all files know it: "" for ONNX's own, which
// some call "ai.onnx".
func Domain(name string) string {
	if name == "ai.onnx" {
		return ""
	}
	return name
}

// FunctionKey is how a node names a function of its model.
type FunctionKey struct{ Domain, Name, Overload string }

// FunctionKey returns the key of the function that a node calls, if the model has one of that key.
// Otherwise the node is an operator.
func (x *NodeProto) FunctionKey() FunctionKey {
	return FunctionKey{Domain(x.GetDomain()), x.GetOpType(), x.GetOverload()}
}

// Key returns the key of a function.
func (x *FunctionProto) Key() FunctionKey {
	return FunctionKey{Domain(x.GetDomain()), x.GetName(), x.GetOverload()}
}
