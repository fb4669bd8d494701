package ops

import "github.com/advparams/advparams/nd"

// optional: Optional, OptionalHasElement, OptionalGetElement (all opset 15).
// Whether an optional value holds something is known when a graph is built: it is then the
// same as what it holds, and otherwise an empty value (Value.Empty).

func buildOptional(c *Call) []*Value {
	if c.Optional(0) == nil {
		return []*Value{{Empty: true}}
	}
	return []*Value{c.Input(0)}
}

func buildOptionalHasElement(c *Call) []*Value {
	v := c.Optional(0)
	return []*Value{c.Const(nd.Scalar(v != nil && !v.Empty))}
}

func buildOptionalGetElement(c *Call) []*Value {
	v := c.Input(0)
	if v.Empty {
		c.fail("the optional value is empty")
	}
	return []*Value{v}
}

var optionals = family{
	"Optional":           {15, buildOptional},
	"OptionalHasElement": {15, buildOptionalHasElement},
	"OptionalGetElement": {15, buildOptionalGetElement},
}
