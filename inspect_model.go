package advparams

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/verify"
)

// ModelInfo describes a model. In JSON it is what advparams inspect --json prints.
type ModelInfo struct {
	File         string            `json:"file"`
	Kind         string            `json:"kind"` // model
	IRVersion    int64             `json:"ir_version"`
	Producer     string            `json:"producer"`
	Opsets       map[string]int64  `json:"opsets"` // version by domain
	Files        []FileSize        `json:"files"`  // the model file first
	Inputs       []ValueInfo       `json:"inputs"`
	Outputs      []ValueInfo       `json:"outputs"`
	Parameters   int               `json:"parameters"` // weights, wherever they are stored
	Operators    []OperatorInfo    `json:"operators"`  // by domain and name
	Initializers []InitializerInfo `json:"initializers"`
	Warnings     []string          `json:"warnings"` // what to look at before the file is handed on
}

// FileSize is a file with its size.
type FileSize struct {
	Name string `json:"name"`
	Size int64  `json:"bytes"`
}

// ValueInfo is an input or output of a model.
type ValueInfo struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []Axis `json:"shape"` // nil if the rank is not known
}

// Axis is an axis of a shape. In JSON it is a number or a name.
type Axis struct {
	Size int64
	Name string // of an open axis, "?" if it has none; Size is then 0
}

func (a Axis) String() string {
	if a.Name != "" {
		return a.Name
	}
	return strconv.FormatInt(a.Size, 10)
}

// MarshalJSON writes the name of an open axis, or else the size.
func (a Axis) MarshalJSON() ([]byte, error) {
	if a.Name != "" {
		return json.Marshal(a.Name)
	}
	return json.Marshal(a.Size)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Axis) UnmarshalJSON(data []byte) error {
	*a = Axis{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &a.Name)
	}
	return json.Unmarshal(data, &a.Size)
}

// OperatorInfo says how often a model uses an operator, and whether its outputs and
// its gradient can be computed.
type OperatorInfo struct {
	Name     string `json:"name"`
	Domain   string `json:"domain"`
	Count    int    `json:"count"`
	Forward  bool   `json:"forward"`
	Gradient bool   `json:"gradient"`
}

// InitializerInfo describes an initializer of the main graph, or a tensor elsewhere that
// holds weights: the value of a Constant node, or an initializer of a branch, the body of
// a loop or a function.
type InitializerInfo struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Shape    []int  `json:"shape"`
	Elements int    `json:"elements"`
	Storage  string `json:"storage"` // where in the file the elements lie
	Place    string `json:"place"`   // initializer, Constant node …
	// Role is what the operators that use it make of it: weight, scale, structure …
	Role   string   `json:"role"`
	UsedBy []string `json:"used_by"` // operators, each once
	// Constant says what the elements are if training did not make them, such as "a
	// range"; "" for weights. protect leaves such tensors as they are.
	Constant string `json:"constant,omitempty"`
}

func (o *InspectOptions) model() (*ModelInfo, error) {
	m, err := onnxio.Open(o.Path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	outputs, err := samples.ChooseOutput(m, o.Output)
	if err != nil {
		return nil, err
	}
	p := m.Proto()
	r := &ModelInfo{
		File: o.Path, Kind: "model", IRVersion: p.GetIrVersion(),
		Producer:     strings.TrimSpace(p.GetProducerName() + " " + p.GetProducerVersion()),
		Opsets:       map[string]int64{},
		Initializers: []InitializerInfo{},
		Warnings:     []string{},
	}
	for _, o := range p.GetOpsetImport() {
		r.Opsets[cmp.Or(o.GetDomain(), "ai.onnx")] = o.GetVersion()
	}
	for _, f := range m.Files() {
		r.Files = append(r.Files, FileSize{f.Name, f.Size})
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
	return r, nil
}

// describeValue describes an input or output of the graph.
func describeValue(v *onnxpb.ValueInfoProto) ValueInfo {
	r := ValueInfo{Name: v.GetName(), Type: "not a tensor"}
	t := v.GetType().GetTensorType()
	if t == nil {
		return r
	}
	r.Type = onnxpb.TensorProto_DataType(t.GetElemType()).String()
	if t.Shape == nil {
		return r
	}
	r.Shape = []Axis{}
	for _, d := range t.GetShape().GetDim() {
		switch v := d.GetValue().(type) {
		case *onnxpb.TensorShapeProto_Dimension_DimValue:
			r.Shape = append(r.Shape, Axis{Size: v.DimValue})
		default:
			r.Shape = append(r.Shape, Axis{Name: cmp.Or(d.GetDimParam(), "?")})
		}
	}
	return r
}

// operators counts the operators of all graphs and functions, of the main graph
// those that some outputs need if they are chosen, and says which of them are
// computed and which have a gradient.
func operators(p *onnxpb.ModelProto, opsets map[string]int64, outputs []string) []OperatorInfo {
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
	var list []OperatorInfo
	for _, k := range slices.SortedFunc(maps.Keys(counts), func(a, b id) int {
		return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(a.name, b.name))
	}) {
		if functions[k] {
			continue // its body has been counted
		}
		can := gradient.SupportFor(k.domain, k.name, opsets[k.domain])
		list = append(list, OperatorInfo{Name: k.name, Domain: k.domain, Count: counts[k], Forward: can.Forward, Gradient: can.Gradient})
	}
	return list
}

// addInitializers lists the initializers and the weights elsewhere, and warns of weights
// that are not numbers.
func (r *ModelInfo) addInitializers(m *onnxio.Model) {
	params := map[string]*onnxio.Parameter{}
	var names, elsewhere []string
	for _, init := range m.Initializers() {
		names = append(names, init.Name)
	}
	for _, p := range m.Parameters() {
		params[p.Name] = p
		if p.Tensor != nil && p.Trained && m.Lookup(p.Name) == nil {
			elsewhere = append(elsewhere, p.Name)
		}
	}
	for _, name := range append(names, elsewhere...) {
		init, p := m.Weight(name), params[name]
		info := InitializerInfo{
			Name: name, Type: init.DataType.String(), Shape: append([]int{}, init.Dims...),
			Elements: init.Len(), Storage: init.Storage.String(), UsedBy: []string{},
		}
		if p != nil {
			info.Place, info.Role = p.Place.String(), p.Role.String()
			for _, u := range p.Uses {
				if !slices.Contains(info.UsedBy, u.Operator) {
					info.UsedBy = append(info.UsedBy, u.Operator)
				}
			}
		}
		r.Initializers = append(r.Initializers, info)
		values, err := init.Float32s()
		if err != nil {
			continue // not of a floating-point type
		}
		r.Initializers[len(r.Initializers)-1].Constant = perturb.Constant(init, values)
		bad := 0
		for _, v := range values {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				bad++
			}
		}
		if bad > 0 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s of the %s elements of %q are infinite or not a number", verify.Thousands(bad), verify.Thousands(len(values)), name))
		}
	}
}
