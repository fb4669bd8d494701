package ops

// Operator says how nodes of one ONNX operator are built.
type Operator struct {
	// Since is the first version of the operator set whose definition of the
	// operator is implemented.
	Since int
	// Build returns the outputs of a node. Trailing optional ones may be missing.
	Build func(c *Call) []*Value
}

// family is a table of operators of one domain.
type family map[string]Operator
