package task

import (
	"fmt"
	"slices"
	"sync"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// A view is what outlooks of one model have in common. It is made once: to look through the graph again
// for each of its outputs takes the square of their number.
type view struct {
	mu sync.Mutex // of what is noted when somebody asks
	*choosers
	trace *tracer

	model      *onnxio.Model
	axes       *gradient.Axes
	inputs     []gradient.Input
	outputs    map[string]*onnxpb.ValueInfoProto
	usual      *onnxpb.ValueInfoProto // the output with the answers, if nobody names another
	floats     []string
	boxes      []string
	starts     []string
	tokens     bool
	vocabulary int
	suppressed map[string]bool // values that a NonMaxSuppression chooses
}

// viewOf looks through the graph of a model.
func viewOf(m *onnxio.Model) (*view, error) {
	g := m.Proto().GetGraph()
	if len(g.GetOutput()) == 0 {
		return nil, fmt.Errorf("%s: the model has no output", m.Path())
	}
	v := &view{model: m, trace: newTracer(m), outputs: map[string]*onnxpb.ValueInfoProto{}}
	for _, out := range g.GetOutput() {
		v.outputs[out.GetName()] = out
	}
	var err error
	if v.axes, err = gradient.AxesOf(m); err != nil {
		return nil, err
	}
	if v.inputs, err = gradient.Inputs(m); err != nil {
		return nil, err
	}
	v.choosers = choosersOf(g, v.trace.maker)
	states := statesOf(g)
	v.findOutputs(states)
	v.vocabulary = v.trace.vocabulary()
	var chosen []string
	for _, n := range g.GetNode() {
		if n.GetOpType() == "NonMaxSuppression" {
			chosen = append(chosen, n.GetOutput()...)
		}
	}
	v.suppressed = gradient.Downstream(g.GetNode(), chosen...)
	taken := states.takenAgain()
	for _, in := range v.inputs {
		if in.DType == nd.Float32 && (states.begin[in.Name] || taken[in.Name]) {
			v.starts = append(v.starts, in.Name)
		}
		v.tokens = v.tokens || in.DType == nd.Int64 && (in.Shape == nil || len(in.Shape) == 2)
	}
	return v, nil
}

// findOutputs finds the outputs that have something to lock, and the one that has the answers.
func (v *view) findOutputs(s *states) {
	g := v.model.Proto().GetGraph()
	carried := map[string]bool{}
	var fed []string // states that are carried along
	fixed := given(v.model)
	chosen := func(out *onnxpb.ValueInfoProto) bool {
		name := out.GetName()
		return v.byArgMax(name) || v.Rounded(name) != "" || v.IsDecided(name)
	}
	for _, out := range g.GetOutput() {
		if (isFloat(out) || chosen(out)) && rows(shapeOf(out), v.axes) && !fixed[out.GetName()] {
			if s.carried(out) {
				fed = append(fed, out.GetName())
				carried[out.GetName()] = true
			} else {
				v.floats = append(v.floats, out.GetName())
			}
		}
	}
	if v.floats == nil { // an encoder
		v.floats, carried = fed, nil
	}
	v.floats = withoutScalars(g, v.floats)
	var alone bool
	if v.boxes, alone = boxOutputs(g); alone {
		for _, name := range v.boxes {
			v.axes.Outputs[name] = gradient.NoAxis
		}
	}
	v.usual = g.GetOutput()[0]
	whatever := func(*onnxpb.ValueInfoProto) bool { return true }
	telling := func(out *onnxpb.ValueInfoProto) bool { return isFloat(out) && !v.beside(out.GetName()) }
	for _, is := range []func(*onnxpb.ValueInfoProto) bool{telling, chosen, whatever} {
		if i := slices.IndexFunc(g.GetOutput(), func(out *onnxpb.ValueInfoProto) bool {
			return is(out) && !fixed[out.GetName()] && !carried[out.GetName()]
		}); i >= 0 {
			v.usual = g.GetOutput()[i]
			break
		}
	}
}

// lastOp returns the type of the operator that computes a value. Operators that only
// reshape are skipped, and others.
func (v *view) lastOp(value string, others ...string) string {
	return v.from(value, others...).GetOpType()
}

// from returns the node of lastOp; nil if there is none.
func (v *view) from(value string, others ...string) *onnxpb.NodeProto {
	passed := append([]string{"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast", "ZipMap"}, others...)
	for range len(v.model.Proto().GetGraph().GetNode()) {
		n := v.maker[value]
		if n == nil || !slices.Contains(passed, n.GetOpType()) || len(n.GetInput()) == 0 {
			return n
		}
		value = n.GetInput()[0]
	}
	return nil
}
