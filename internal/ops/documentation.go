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

These operators can be computed. "From opset" is the first version of the operator
that is supported. Model-local functions are inlined. Every gradient is checked
against finite differences. Some attributes or uses of an operator may not be
supported. This is reported when a model is compiled, with the node's name and exit
status 5.`)
	total := 0
	for _, d := range []struct{ title, domain string }{
		{"ONNX", ""},
		{"com.microsoft, as onnxruntime's tools write them", MicrosoftDomain},
		{"ai.onnx.ml, around a network", MLDomain},
	} {
		fmt.Fprintf(&w, "\n## %s\n\n| operator | from opset | gradient |\n|---|---|---|\n", d.title)
		for _, name := range Names(d.domain) {
			gradient := "yes"
			if why := WithoutGradient(d.domain, name); why != "" {
				gradient = "none: " + why
			}
			fmt.Fprintf(&w, "| %s | %d | %s |\n", name, domains[d.domain][name].Since, gradient)
		}
		total += len(domains[d.domain])
	}
	fmt.Fprintf(&w, "\n%d operators.\n", total)
	return w.Bytes()
}
