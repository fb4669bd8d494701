package task

import (
	"fmt"
	"slices"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// choosers tells which outputs of a graph have classes that an ArgMax chooses. It is made once for all.
type choosers struct {
	*gradient.Origins
	maker map[string]*onnxpb.NodeProto
	plain map[string]string // values from which others are computed that have the same order
	names map[*string]string
	first map[string]string // the first output that has some choices
	float map[string]bool   // scores that an output has
}

func choosersOf(g *onnxpb.GraphProto, maker map[string]*onnxpb.NodeProto) *choosers {
	c := &choosers{gradient.OriginsOf(g), maker, map[string]string{}, map[*string]string{}, map[string]string{}, map[string]bool{}}
	for _, v := range g.GetOutput() {
		choices := c.choices(v.GetName())
		switch {
		case choices == "" && isFloat(v):
			c.float[c.unsquashed(v.GetName())] = true
		case choices != "" && c.first[choices] == "":
			c.first[choices] = v.GetName()
		}
	}
	return c
}

// byArgMax reports whether an output has classes that an ArgMax chooses by scores that no other
// output has.
func (c *choosers) byArgMax(output string) bool {
	choices := c.choices(output)
	return choices != "" && c.first[choices] == output && !c.float[choices]
}

// choices returns the values by which the choices that an output has are made, as one name; "" for
// other outputs.
func (c *choosers) choices(output string) string {
	if one := c.Chosen(output); one != "" {
		return c.unsquashed(one)
	}
	list := c.Choices(output)
	if list == nil {
		return ""
	}
	if known, ok := c.names[&list[0]]; ok { // of another output
		return known
	}
	all := make([]string, len(list))
	for i, name := range list {
		all[i] = c.unsquashed(name)
	}
	joined := strings.Join(all, "\x00") // which no name has
	c.names[&list[0]] = joined
	return joined
}

// unsquashed returns the value from which others are computed that have the same order.
func (c *choosers) unsquashed(value string) string {
	var way []string
	for {
		if known, ok := c.plain[value]; ok {
			value = known
			break
		}
		c.plain[value] = value // in case of a cycle
		way = append(way, value)
		n := c.maker[value]
		if n == nil || !slices.Contains(squashes, n.GetOpType()) {
			break
		}
		value = gradient.FirstInput(n)
	}
	for _, v := range way {
		c.plain[v] = value
	}
	return value
}

// squashes are operators that keep the order of numbers.
var squashes = []string{"Identity", "Cast", "Softmax", "LogSoftmax", "Log", "Sigmoid", "ZipMap"}

// best returns the axis along which a TopK chooses an output, and whether it chooses more than one; ok is
// false for other outputs.
func (v *view) best(output string) (a axis, several, ok bool) {
	n := v.Chooser(output)
	if n.GetOpType() != "TopK" {
		return axis{}, false, false
	}
	k := number(n, "k", 0) // before opset 10
	if given := v.trace.integers(n.GetInput()[1:]); len(given) == 1 {
		k = given[0]
	}
	at := int(number(n, "axis", -1))
	return axis{at, KindChoice, fmt.Sprintf("TopK(axis=%d)", at)}, k != 1, true
}

// beside reports whether an output has the numbers of the best few, and another one says which these are.
func (v *view) beside(output string) bool {
	n := v.from(output)
	return n.GetOpType() == "TopK" && slices.ContainsFunc(v.model.Proto().GetGraph().GetOutput(), func(out *onnxpb.ValueInfoProto) bool {
		return v.Chooser(out.GetName()) == n
	})
}

// Scored returns scores of 1 for the classes [N,…] that an ArgMax has chosen, and 0 for all
// others, [N,K,…] with the classes on the outlook's axis. Sessions have scores in this form.
// Of the best few that a TopK has chosen, [N,k,…], those behind the first get less, in equal steps.
// The outlook has to be Settled, and samples are on axis 0.
func (o Outlook) Scored(chosen nd.Array) (nd.Array, error) {
	shape := slices.Clone(chosen.Shape)
	if o.Axis > 0 && o.Axis <= len(shape) && len(shape) == len(o.Shape)-1 {
		shape = slices.Insert(shape, o.Axis, 1)
	}
	if o.Axis == 0 || len(shape) != len(o.Shape) || shape[o.Axis] != 1 && !o.several {
		return nd.Array{}, fmt.Errorf("output %q has classes of shape %v, their scores have the shape %v", o.name, chosen.Shape, o.Shape)
	}
	best := shape[o.Axis]
	shape[o.Axis] = o.Shape[o.Axis]
	classes, inner := shape[o.Axis], nd.Size(shape[o.Axis+1:])
	scores := nd.New(nd.Float32, shape...)
	for i := range chosen.Len() {
		class := 0
		switch x := chosen.Data.(type) {
		case []int64:
			class = int(x[i])
		case []float32:
			class = int(x[i])
		}
		if o.labels != nil {
			class = slices.Index(o.labels, int64(class))
		}
		if class < 0 || class >= classes {
			return nd.Array{}, fmt.Errorf("output %q has the class %d of %d", o.name, class, classes)
		}
		behind := i / inner % best
		scores.Float32s()[(i/inner/best*classes+class)*inner+i%inner] = float32(best-behind) / float32(best)
	}
	return scores, nil
}
