package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/verify"
)

// modelResult is what inspect prints for a model.
type modelResult struct {
	File         string              `json:"file"`
	Kind         string              `json:"kind"`
	IRVersion    int64               `json:"ir_version"`
	Producer     string              `json:"producer"`
	Opsets       map[string]int64    `json:"opsets"`
	Files        []fileSize          `json:"files"`
	Inputs       []valueResult       `json:"inputs"`
	Outputs      []valueResult       `json:"outputs"`
	Parameters   int                 `json:"parameters"` // elements of trained initializers
	Operators    []operatorResult    `json:"operators"`
	Initializers []initializerResult `json:"initializers"`
	Warnings     []string            `json:"warnings"`
}

type fileSize struct {
	Name string `json:"name"`
	Size int64  `json:"bytes"`
}

type valueResult struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []any  `json:"shape"` // numbers, names of open axes; null: rank unknown
}

type operatorResult struct {
	Name     string `json:"name"`
	Domain   string `json:"domain"`
	Count    int    `json:"count"`
	Forward  bool   `json:"forward"`
	Gradient bool   `json:"gradient"`
}

type initializerResult struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Shape    []int  `json:"shape"`
	Elements int    `json:"elements"`
	Storage  string `json:"storage"`
}

func (n *inspect) model() error {
	m, err := onnxio.Open(n.file)
	if err != nil {
		return err
	}
	defer m.Close()
	outputs, err := outputsNamed(m, n.output)
	if err != nil {
		return err
	}
	p := m.Proto()
	r := modelResult{
		File: n.file, Kind: "model", IRVersion: p.GetIrVersion(),
		Producer:     strings.TrimSpace(p.GetProducerName() + " " + p.GetProducerVersion()),
		Opsets:       map[string]int64{},
		Initializers: []initializerResult{},
		Warnings:     []string{},
	}
	for _, o := range p.GetOpsetImport() {
		r.Opsets[cmp.Or(o.GetDomain(), "ai.onnx")] = o.GetVersion()
	}
	for _, f := range m.Files() {
		r.Files = append(r.Files, fileSize{f.Name, f.Size})
	}
	for _, v := range p.GetGraph().GetInput() {
		if m.Lookup(v.GetName()) == nil {
			r.Inputs = append(r.Inputs, describeValue(v))
		}
	}
	for _, v := range p.GetGraph().GetOutput() {
		r.Outputs = append(r.Outputs, describeValue(v))
	}
	r.Operators = operators(p, r.Opsets, outputs)
	r.addInitializers(m)
	r.Parameters = gradient.Parameters(m)
	if count, example := m.Metadata(); count > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s entries of metadata show where the model was made, such as %s", verify.Thousands(count), example))
	}
	return n.app.result(r, r.text)
}

// describeValue describes an input or output of the graph.
func describeValue(v *onnxpb.ValueInfoProto) valueResult {
	r := valueResult{Name: v.GetName(), Type: "not a tensor"}
	t := v.GetType().GetTensorType()
	if t == nil {
		return r
	}
	r.Type = onnxpb.TensorProto_DataType(t.GetElemType()).String()
	if t.Shape == nil {
		return r
	}
	r.Shape = []any{}
	for _, d := range t.GetShape().GetDim() {
		switch v := d.GetValue().(type) {
		case *onnxpb.TensorShapeProto_Dimension_DimValue:
			r.Shape = append(r.Shape, v.DimValue)
		default:
			r.Shape = append(r.Shape, cmp.Or(d.GetDimParam(), "?"))
		}
	}
	return r
}

// operators counts the operators of all graphs and functions, of the main graph
// those that some outputs need if they are chosen, and says which of them are
// computed and which have a gradient.
func operators(p *onnxpb.ModelProto, opsets map[string]int64, outputs []string) []operatorResult {
	type id struct{ domain, name string }
	counts := map[id]int{}
	var walk func(nodes []*onnxpb.NodeProto)
	walk = func(nodes []*onnxpb.NodeProto) {
		for _, n := range nodes {
			counts[id{cmp.Or(n.GetDomain(), "ai.onnx"), n.GetOpType()}]++
			for _, a := range n.GetAttribute() {
				walk(a.GetG().GetNode())
				for _, g := range a.GetGraphs() {
					walk(g.GetNode())
				}
			}
		}
	}
	if outputs == nil {
		walk(p.GetGraph().GetNode())
	} else {
		walk(gradient.Upstream(p.GetGraph(), outputs...))
	}
	functions := map[id]bool{}
	for _, f := range p.GetFunctions() {
		functions[id{cmp.Or(f.GetDomain(), "ai.onnx"), f.GetName()}] = true
		walk(f.GetNode())
	}
	var list []operatorResult
	for _, k := range slices.SortedFunc(maps.Keys(counts), func(a, b id) int {
		return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(a.name, b.name))
	}) {
		if functions[k] {
			continue // its body has been counted
		}
		can := gradient.SupportFor(k.domain, k.name, opsets[k.domain])
		list = append(list, operatorResult{Name: k.name, Domain: k.domain, Count: counts[k], Forward: can.Forward, Gradient: can.Gradient})
	}
	return list
}

// addInitializers lists the initializers and warns of weights that are not numbers.
func (r *modelResult) addInitializers(m *onnxio.Model) {
	for _, init := range m.Initializers() {
		r.Initializers = append(r.Initializers, initializerResult{
			Name: init.Name, Type: init.DataType.String(), Shape: append([]int{}, init.Dims...),
			Elements: init.Len(), Storage: init.Storage.String(),
		})
		values, err := init.Float32s()
		if err != nil {
			continue // not of a floating-point type
		}
		bad := 0
		for _, v := range values {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				bad++
			}
		}
		if bad > 0 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s of the %s elements of %q are infinite or not a number", verify.Thousands(bad), verify.Thousands(len(values)), init.Name))
		}
	}
}

func (r *modelResult) text(w io.Writer) {
	var opsets []string
	for _, domain := range slices.Sorted(maps.Keys(r.Opsets)) {
		opsets = append(opsets, fmt.Sprintf("%s %d", oneLine(domain), r.Opsets[domain]))
	}
	for i, f := range r.Files {
		what := "ONNX model, "
		if i > 0 {
			what = "external data, "
		}
		fmt.Fprintf(w, "%s\t%s%s bytes\n", oneLine(f.Name), what, verify.Thousands(f.Size))
	}
	fmt.Fprintf(w, "producer\t%s, IR version %d, opset %s\n", cmp.Or(oneLine(r.Producer), "unknown"), r.IRVersion, strings.Join(opsets, ", "))
	for _, list := range []struct {
		what   string
		values []valueResult
	}{{"input", r.Inputs}, {"output", r.Outputs}} {
		for _, v := range list.values {
			fmt.Fprintf(w, "%s\t%s %s%s\n", list.what, oneLine(v.Name), v.Type, v.shape())
		}
	}
	fmt.Fprintf(w, "parameters\t%s\n", verify.Thousands(r.Parameters))
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning\t%s\n", oneLine(warning))
	}
	fmt.Fprintf(w, "\noperator\tcount\tforward\tgradient\n")
	answer := map[bool]string{true: "yes", false: "no"}
	for _, o := range r.Operators {
		name := o.Name
		if o.Domain != "ai.onnx" {
			name = o.Domain + "." + o.Name
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", oneLine(name), o.Count, answer[o.Forward], answer[o.Gradient])
	}
	fmt.Fprintf(w, "\ninitializer\ttype\tshape\telements\tstorage\n")
	for _, t := range r.Initializers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", oneLine(t.Name), t.Type, strings.ReplaceAll(fmt.Sprint(t.Shape), " ", ","), verify.Thousands(t.Elements), t.Storage)
	}
}

// shape writes the axes of a value; nothing when the rank is unknown.
func (v valueResult) shape() string {
	if v.Shape == nil {
		return ""
	}
	parts := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		parts[i] = oneLine(fmt.Sprint(d))
	}
	return "[" + strings.Join(parts, ",") + "]"
}
