package gradient

import (
	"errors"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/ops"
)

// TestSequenceInLoop is what TorchScript writes for a list to which a loop appends.
func TestSequenceInLoop(t *testing.T) {
	body := newModel().input("i").input("c").input("h").input("list").
		node("Mul", []string{"h", "w"}, []string{"p"}).
		node("Add", []string{"p", "x"}, []string{"q"}).
		node("Tanh", []string{"q"}, []string{"h2"}).
		node("SequenceInsert", []string{"list", "h2"}, []string{"longer"}).output("c", "h2", "longer")
	got := newModel().input("x", 3).weight("w", 3).scalar("three", 3).
		node("SequenceEmpty", nil, []string{"empty"}).
		node("Loop", []string{"three", "", "x", "empty"}, []string{"h", "list"}, graphAttr("body", body)).
		node("ConcatFromSequence", []string{"list"}, []string{"stack"}, intAttr("axis", 0), intAttr("new_axis", 1)).
		output("h", "stack")
	sameModel(t, got, unrolled(3), vector(0.5, -1, 0.3))
}

// TestSequenceMisused: a sequence in place of a tensor is an error.
func TestSequenceMisused(t *testing.T) {
	model := func() *modelBuilder {
		return newModel().input("x", 3).weight("w", 3).truth("yes", true).scalar("two", 2).
			node("ReduceMax", []string{"x"}, []string{"max"}).
			node("Greater", []string{"max", "w"}, []string{"open"}).
			node("SequenceConstruct", []string{"x", "w"}, []string{"list"})
	}
	branch := newModel().node("SequenceConstruct", []string{"x"}, []string{"s"}).output("s")
	stacked := newModel().input("i").input("c").node("SequenceConstruct", []string{"x"}, []string{"l"}).output("c", "l")
	state := newModel().input("i").input("c").input("h").output("h", "h")
	for _, c := range []struct {
		name        string
		m           *modelBuilder
		want        string
		unsupported bool
	}{
		{"operand", model().node("Relu", []string{"list"}, []string{"y"}).output("y"), `input 0 ("list") is a sequence`, false},
		{"output", model().output("list"), `output "list" is a sequence`, true},
		{"branches", model().ints("first", 0).node("Gather", []string{"open", "first"}, []string{"c"}).
			node("If", []string{"c"}, []string{"l"}, graphAttr("then_branch", branch), graphAttr("else_branch", branch)).
			node("SequenceLength", []string{"l"}, []string{"y"}).output("y"), "depends on the condition", true},
		{"stacked", model().node("Loop", []string{"two", ""}, []string{"y"}, graphAttr("body", stacked)).output("y"), "a sequence to be stacked", false},
		{"stacked never", model().scalar("none", 0).node("Loop", []string{"none", ""}, []string{"y"}, graphAttr("body", stacked)).output("y"), "a sequence to be stacked", false},
		{"condition", model().node("Loop", []string{"", "yes", "list"}, []string{"y"}, graphAttr("body", state)).output("y"), "as its condition", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Compile(c.m.open(t), Config{Shapes: map[string][]int{"x": {3}}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if errors.Is(err, ops.ErrUnsupported) != c.unsupported {
				t.Errorf("error %v: unsupported is %v", err, !c.unsupported)
			}
		})
	}
}
