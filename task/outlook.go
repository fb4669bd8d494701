package task

import (
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Outlook is what a model's graph declares about its inputs and about the output
// with the answers. It is the same for every use of a model, so that a program needs
// to call Look only once; options of other packages accept the result.
type Outlook struct {
	Inputs []gradient.Input // initializers left out
	Output string           // the name of the output with the answers; "" if the model has no other
	Named  bool             // whether the caller of Look named the output
	Shape  []int            // of the output: -1 where an axis is open; nil if it is not declared
	LastOp string           // the operator that computes the output; operators that only reshape are skipped
	Axes   *gradient.Axes   // which axes count samples
	Tokens bool             // whether an input takes token numbers: integers of shape [N,T]
	// Vocabulary is the number of tokens that there are: of rows of the table that an input
	// of integers chooses from. 0 if there is none.
	Vocabulary int

	// Kind says what the graph tells about the values of the output, Axis along which
	// axis they are computed or compared (0 if that is not known), and Why names the
	// operator that says so.
	Kind Kind
	Axis int
	Why  string
	axis axis   // as the graph says
	name string // of the output

	batchSecond bool    // whether the output has samples on axis 1
	squashed    string  // the operator that computes it; operators that only lay it out again, and Clip, are skipped
	marking     bool    // whether its numbers are of a Sigmoid, perhaps clipped: each says yes or no
	labels      []int64 // that the classes of an ArgMax have; nil if these are their numbers
	rounded     bool    // whether it has integers that are rounded from floats
	several     bool    // whether it has the best few that a TopK chooses
	suppressed  bool    // whether a NonMaxSuppression chooses what the output has
	view        *view

	// Boxes names the outputs of a detector that has one of boxes, and others of their scores
	// and classes, in the order of the graph; nil for other models.
	Boxes []string

	// Floats names the outputs of a floating-point type with a row per sample, in the
	// order of the graph, without states that the model takes again as inputs. The task
	// outputs looks at all of them. Classes that an ArgMax chooses are among them if no
	// other output has their scores: sessions have these in their place. So are integers that
	// are rounded from floats if there is nothing else, or computed from choices (gradient.Origins).
	Floats []string
	// Starts names the inputs of floats from which recurrent operators begin, and nothing else, or that
	// are stacked states.
	Starts []string
}

// Look reads the graph of a model. output names the output with the answers; ""
// means the first of a floating-point type.
func Look(m *onnxio.Model, output string) (Outlook, error) {
	v, err := viewOf(m)
	if err != nil {
		return Outlook{}, err
	}
	return v.look(output), nil
}

// At returns what Look returns for another output of the model. It looks through the graph no more,
// which is for whoever asks about every output. An outlook that Look has not made has no other.
func (o Outlook) At(output string) Outlook {
	if o.view == nil {
		return Outlook{}
	}
	return o.view.look(output)
}

// Chooses reports whether an output of the model has the class that scores choose, or several.
func (o Outlook) Chooses(output string) bool {
	return o.ask(func(v *view) bool { return v.Chosen(output) != "" || v.Choices(output) != nil })
}

// Rounds reports whether an output of the model has integers that are rounded from floats.
func (o Outlook) Rounds(output string) bool {
	return o.ask(func(v *view) bool { return v.Rounded(output) != "" })
}

func (o Outlook) ask(f func(v *view) bool) bool {
	if o.view == nil {
		return false
	}
	o.view.mu.Lock()
	defer o.view.mu.Unlock()
	return f(o.view)
}

// look returns an outlook.
func (v *view) look(output string) Outlook {
	v.mu.Lock()
	defer v.mu.Unlock()
	o := Outlook{Named: output != "", Axes: v.axes, Inputs: v.inputs, Floats: v.floats, Boxes: v.boxes, Starts: v.starts, Tokens: v.tokens, Vocabulary: v.vocabulary, view: v}
	out := v.outputs[output]
	if out == nil {
		out = v.usual
	}
	if o.Named || len(v.outputs) > 1 {
		o.Output = out.GetName()
	}
	o.name = out.GetName()
	o.Shape = shapeOf(out)
	value := o.name // that tells what the output is
	if scores := v.Chosen(o.name); scores != "" {
		value, o.Shape = scores, nil
		o.labels = v.trace.integers([]string{v.Labels(o.name)})
	} else if floats := v.Rounded(o.name); floats != "" {
		value, o.Shape, o.rounded = floats, nil, true
	}
	decided := v.IsDecided(o.name)
	if decided {
		o.Shape = nil
	}
	o.LastOp = v.lastOp(value)
	o.marking = v.lastOp(value, "Clip") == "Sigmoid"
	o.squashed = v.lastOp(value, "Clip", "Transpose")
	o.axis = v.trace.axis(value)
	if decided {
		o.axis = axis{} // of several outputs
	}
	if best, several, ok := v.best(o.name); ok {
		o.axis, o.several = best, several
	}
	if v.Choices(o.name) != nil {
		o.Shape, o.axis = nil, axis{1, KindChoice, "ArgMax or Multinomial of each column"}
	}
	o.suppressed = v.suppressed[o.name]
	o.Kind, o.Why = o.axis.kind, o.axis.why
	o.Axis = o.axis.absolute(len(o.Shape))
	return o
}

// Settled returns the outlook with what a run has shown (gradient.Axes.Probe): which axes
// count samples, and the shapes of the outputs by name, with samples on axis 0.
func (o Outlook) Settled(axes *gradient.Axes, shapes map[string][]int) Outlook {
	o.Axes = axes
	o.Floats = slices.DeleteFunc(slices.Clone(o.Floats), func(name string) bool { return shapes[name] == nil })
	if shape := shapes[o.name]; shape != nil {
		o.Shape = append([]int{-1}, shape[min(1, len(shape)):]...)
	}
	rank := len(o.Shape)
	samples := axes.Outputs[o.name]
	o.batchSecond = samples == 1
	at := o.axis.at
	if samples == gradient.NoAxis {
		rank--
	}
	if at < 0 {
		at += rank
	}
	switch {
	case samples == gradient.NoAxis, at < samples:
		at++
	case at == samples:
		at = 0
	}
	if o.Axis = 0; o.axis.kind != KindUnknown && at > 0 && at < len(o.Shape) {
		o.Axis = at
	}
	return o
}

// Outputs returns the outputs that a task looks at, as gradient.Config takes them: nil
// for all.
func (o Outlook) Outputs(t Task) []string {
	several, is := t.(Several)
	switch {
	case is:
		return several.Outputs()
	case t.Name() == Detection{}.Name() && o.Boxes != nil && !o.Named:
		return o.Boxes
	case t.Traits().AllOutputs && !o.Named && (o.Floats != nil || o.Output == ""):
		return o.Floats
	case o.Output != "":
		return []string{o.Output}
	}
	return nil
}

// boxOutputs returns the outputs of a detector that has images, one output of boxes, [N,A,4] or
// [A,4], and another of scores for each class, [N,A,C], or two with a score and a class for
// each box; nil if there are none. alone means that they are of one image and have no axis of
// samples.
func boxOutputs(g *onnxpb.GraphProto) (names []string, alone bool) {
	images := slices.ContainsFunc(g.GetInput(), func(v *onnxpb.ValueInfoProto) bool {
		s := shapeOf(v)
		return len(s) == 4 || len(s) == 3 && s[0] == 3
	})
	if !images {
		return nil, false
	}
	for _, boxes := range g.GetOutput() {
		s := shapeOf(boxes)
		rank := len(s)
		if !isFloat(boxes) || rank != 2 && rank != 3 || s[rank-1] != 4 {
			continue
		}
		var single, pair []string // with a number for each box, for each box and class
		for _, v := range g.GetOutput() {
			other := shapeOf(v)
			switch {
			case v == boxes:
				single, pair = append(single, v.GetName()), append(pair, v.GetName())
			case len(other) == len(s)-1 && (isFloat(v) || isInteger(v)) && len(single) < 3:
				single = append(single, v.GetName())
			case len(other) == 3 && len(s) == 3 && isFloat(v) && other[2] != 4 && (other[1] == s[1] || other[2] == s[1]) && len(pair) < 2:
				pair = append(pair, v.GetName())
			}
		}
		switch {
		case len(single) == 3:
			return single, rank == 2
		case len(pair) == 2:
			return pair, false
		}
	}
	return nil, false
}

// isInteger reports whether a value has integers.
func isInteger(v *onnxpb.ValueInfoProto) bool {
	switch onnxpb.TensorProto_DataType(v.GetType().GetTensorType().GetElemType()) {
	case onnxpb.TensorProto_INT64, onnxpb.TensorProto_INT32:
		return true
	}
	return false
}

// shapeOf returns the declared shape of a value: -1 where an axis is open, nil if it is
// not declared.
func shapeOf(v *onnxpb.ValueInfoProto) []int {
	shape := v.GetType().GetTensorType().GetShape()
	if shape == nil {
		return nil
	}
	out := []int{}
	for _, d := range shape.GetDim() {
		n := -1
		if v, ok := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); ok && v.DimValue > 0 {
			n = int(v.DimValue)
		}
		out = append(out, n)
	}
	return out
}

// isFloat reports whether a value has numbers of a floating-point type.
func isFloat(v *onnxpb.ValueInfoProto) bool {
	t := v.GetType()
	if maps := t.GetSequenceType().GetElemType().GetMapType(); maps != nil {
		t = maps.GetValueType() // of a ZipMap, which puts names to numbers
	}
	switch onnxpb.TensorProto_DataType(t.GetTensorType().GetElemType()) {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE:
		return true
	}
	return false
}

// withoutScalars leaves out outputs that are declared as single numbers, such as a sum over
// all samples, unless there are no others.
func withoutScalars(g *onnxpb.GraphProto, names []string) []string {
	scalar := map[string]bool{}
	for _, v := range g.GetOutput() {
		if shape := shapeOf(v); shape != nil && len(shape) == 0 {
			scalar[v.GetName()] = true
		}
	}
	rest := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return scalar[name] })
	if len(rest) == 0 {
		return names
	}
	return rest
}

// rows reports whether a shape can have a row per sample.
func rows(shape []int, axes *gradient.Axes) bool {
	return axes.Batch < 2 || shape == nil || slices.ContainsFunc(shape, func(n int) bool { return n < 0 || n == axes.Batch })
}

// Classes returns the number of classes K of an output of shape [N,K], ignoring axes
// of length 1. It is 1 for [N], and 0 if K is open or the output has another shape.
func (o Outlook) Classes() int {
	if len(o.Shape) == 0 {
		return 0
	}
	classes := 1
	for _, n := range o.Shape[1:] {
		switch {
		case n < 0, n > 1 && classes > 1:
			return 0
		default:
			classes *= n
		}
	}
	return classes
}

// rank returns the number of axes, ignoring those of length 1 after the first; 0 if
// it is not known.
func (o Outlook) rank() int {
	if len(o.Shape) == 0 {
		return 0
	}
	rank := 1
	for _, n := range o.Shape[1:] {
		if n != 1 {
			rank++
		}
	}
	return rank
}

// Logits returns values with the Sigmoid or Softmax undone that the model computes them
// with, as gradient.Config.Logits leaves it out. A constant may be missing.
func (o Outlook) Logits(a nd.Array) nd.Array {
	out := nd.New(nd.Float32, a.Shape...)
	for i, v := range a.Float32s() {
		x := float64(v)
		switch o.squashed {
		case "Sigmoid":
			x = math.Log(math.Max(x, 1e-30)) - math.Log(math.Max(1-x, 1e-8))
		case "Softmax":
			x = math.Log(math.Max(x, 1e-30))
		}
		out.Float32s()[i] = float32(x)
	}
	return out
}
