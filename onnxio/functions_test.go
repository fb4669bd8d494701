package onnxio

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// TestDeepCalls: functions that call each other too deeply are refused in whatever order the
// file has them. Whoever follows a call into its function and on needs stack for each.
func TestDeepCalls(t *testing.T) {
	for _, c := range []struct {
		depth int
		want  Malformed
	}{{maxDepth + 1, ""}, {maxDepth + 2, FunctionCycle}} {
		own := field(importedOpset, cat(text(1, "own"), varint(2, 1)))
		chain := [][]byte{function("own", "F0", [][]byte{operator("Neg", list("a"), list("b"))})}
		for i := 1; i < c.depth; i++ {
			call := operator(fmt.Sprintf("F%d", i-1), list("a"), list("b"), domain("own"))
			chain = append(chain, function("own", fmt.Sprintf("F%d", i), [][]byte{call}, field(9, cat(text(1, "own"), varint(2, 1)))))
		}
		main := cat(nodes(operator(fmt.Sprintf("F%d", c.depth-1), list("w"), list("y"), domain("own"))), own)
		for _, order := range []string{"callee first", "caller first"} {
			model := cat(append([][]byte{main}, chain...)...)
			m, err := Open(write(t, "model.onnx", model))
			if err == nil {
				m.Close()
			}
			if class, _ := errors.AsType[Malformed](err); class != c.want {
				t.Errorf("%d functions, %s: %v, want class %q", c.depth, order, err, c.want)
			}
			slices.Reverse(chain)
		}
	}
}
