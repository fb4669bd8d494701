package ops

import (
	"bytes"
	"fmt"
)

//go:generate go run ./internal/opsdoc ../../docs/operators.md

// Documentation returns docs/operators.md.
func Documentation() []byte {
	var w bytes.Buffer
	fmt.Fprintln(&w, `# Operators

Made from the registry by `+"`make generate`"+`; a test keeps it current.

Operators of ONNX's default domain that are computed, from the first operator set
version whose definition is understood. Model-local functions are inlined. Every
gradient is checked against finite differences. Limits that depend on an
attribute or on how an operator is used are reported when a model is compiled,
with the node's name, and exit status 5.

| operator | from opset | gradient |
|---|---|---|`)
	for _, name := range Names() {
		gradient := "yes"
		if why := WithoutGradient(name); why != "" {
			gradient = "none: " + why
		}
		fmt.Fprintf(&w, "| %s | %d | %s |\n", name, registry[name].Since, gradient)
	}
	fmt.Fprintf(&w, "\n%d operators.\n", len(registry))
	return w.Bytes()
}
