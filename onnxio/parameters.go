package onnxio

import (
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Place says in what part of a model a parameter is stored.
type Place uint8

// The places where exporters put weights.
const (
	InInitializer       Place = iota // an initializer of a graph
	InSparseInitializer              // the values of a sparse initializer
	InConstant                       // the value of a Constant node
	InAttribute                      // a tensor that is an attribute of another operator
	InList                           // numbers that are an attribute, not a tensor
)

var placeNames = [...]string{"initializer", "sparse initializer", "Constant node", "attribute", "attribute list"}

// String returns a name for people.
func (p Place) String() string {
	if int(p) < len(placeNames) {
		return placeNames[p]
	}
	return fmt.Sprintf("Place(%d)", uint8(p))
}

// Role says what a parameter is for, which follows from the operators that use it.
type Role uint8

const (
	// RoleWeight is what training made, or what an operator uses as it uses a trained weight.
	RoleWeight Role = iota
	// RoleScale is what quantised numbers are multiplied by.
	RoleScale
	// RoleZeroPoint is the quantised number that stands for 0.
	RoleZeroPoint
	// RoleStructure decides shapes, axes, indices, limits, conditions and the like.
	RoleStructure
	// RoleMask has two values, one of which is large: what is added to hide positions
	// from attention.
	RoleMask
	// RoleScalar is a single number in a formula, such as √2 or an epsilon.
	RoleScalar
	// RoleInteger is an integer that is not known to stand for a quantised number.
	RoleInteger
	// RoleOther has no elements, or elements that are no numbers.
	RoleOther
)

var roleNames = [...]string{"weight", "scale", "zero point", "structure", "mask", "scalar", "integer", "other"}

// String returns a name for people.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("Role(%d)", uint8(r))
}

// A Use is one input of one node.
type Use struct {
	Node     string // name of the node, or of its first output if it has none
	Domain   string
	Operator string
	Input    int // -1: the parameter is an attribute of the node
}

// A Parameter is a tensor that a model contains, wherever exporters put it.
type Parameter struct {
	// Name is unique in the model: the name of the value if there is only one of that
	// name, else behind the path of its graph, such as "If_3.then_branch/weight" or
	// "domain.Function()/weight".
	Name  string
	Place Place
	// Graph is the path of the graph, as in Name; empty for the main graph.
	Graph string
	// Tensor has the elements. It is nil for InList.
	Tensor *Initializer
	// Lists says where the numbers of an attribute lie, in order; nil with Tensor.
	Lists   []Range
	Message *onnxpb.TensorProto // the tensor in Model.Proto, nil with Tensor
	Count   int
	// Uses are the inputs of nodes that the elements get to. Behind calls of functions they
	// multiply: of a model that has more than a million in all, only the first are listed,
	// and at least one for each parameter that has any.
	Uses []Use
	// FanIn is how many products with the parameter's elements an operator adds up for
	// an element of its output; 0 where it is not known.
	FanIn int
	Role  Role
	// Quantised reports whether the elements are integers that only stand for other
	// numbers: whatever uses them turns them into those.
	Quantised bool
	// Trained reports whether the parameter may hold what training made. It is true of
	// all weights, of scales with more than one element, and of zero points that
	// differ from one another.
	Trained bool
}

// least is the smallest number of elements of a weight, where an unknown operator uses the
// tensor. Shorter ones are settings more often than weights.
const least = 16

// maxUses is how many uses are looked at to list those of all parameters of a model. A file of n
// bytes can ask for n² of them: many weights, each given to one function that uses it many times.
const maxUses = 1 << 20

// Parameters returns everything in the model that nodes compute with or are controlled
// by, in the order in which the nodes first use it, and after that what they do not
// use. Roles are found by following values through the graph to the operators that
// use them. Elements are read where it takes them to tell (masks, zero points). The
// list must not be changed.
func (m *Model) Parameters() []*Parameter {
	m.paramsOnce.Do(func() {
		m.params, m.weights = m.parameters(), map[string]*Initializer{}
		for _, p := range m.params {
			if p.Tensor != nil {
				m.weights[p.Name] = p.Tensor
			}
		}
	})
	return m.params
}

func (m *Model) parameters() []*Parameter {
	f := flowOf(m)
	var lists map[*onnxpb.AttributeProto][]Range // nil: not looked for yet
	params := make([]*Parameter, 0, len(f.stored))
	room := maxUses
	for _, s := range f.stored {
		p := &Parameter{Name: s.name, Place: s.place, Graph: s.path, Message: s.message, Uses: s.uses(&room)}
		if s.floats != nil {
			if lists == nil {
				lists = m.listPlaces()
			}
			p.Count, p.Lists = len(s.floats.Floats), lists[s.floats]
		}
		if s.message != nil {
			if p.Tensor = m.byMessage[s.message]; p.Tensor == nil {
				continue // of a message that protobuf merged with another
			}
			p.Count = p.Tensor.n
		}
		p.Role, p.Trained = s.role(p.Tensor)
		p.Tensor.release()
		p.Quantised = p.Role == RoleWeight && p.Tensor != nil && p.Tensor.elem.bits <= 32 && p.Tensor.elem.kind != kindBool && s.value != nil && s.value.onlyDequantised()
		if p.Trained {
			p.FanIn = s.fanIn(p.Tensor)
		}
		params = append(params, p)
	}
	nameUniquely(params)
	return params
}

// nameUniquely puts paths before names that there are several of.
func nameUniquely(params []*Parameter) {
	count := map[string]int{}
	for _, p := range params {
		count[p.Name]++
	}
	taken := map[string]bool{}
	tried := map[string]int{} // the number that was last put behind a name
	ordinary := func(p *Parameter) bool { return p.Place == InInitializer && p.Graph == "" }
	for _, p := range params { // their names are unique, and do not change
		if ordinary(p) {
			taken[p.Name] = true
		}
	}
	for _, p := range params {
		if ordinary(p) {
			continue
		}
		if count[p.Name] > 1 && p.Graph != "" {
			p.Name = p.Graph + "/" + p.Name
		}
		base := p.Name
		for taken[p.Name] {
			tried[base]++
			p.Name = fmt.Sprintf("%s#%d", base, tried[base]+1)
		}
		taken[p.Name] = true
	}
}

// uses returns the nodes that use a tensor, those behind the border of a branch or function included.
// It looks at no more uses than there is room for, which it takes away, but finds one if there are any.
func (s *stored) uses(room *int) []Use {
	use := func(n *onnxpb.NodeProto, input int) Use {
		return Use{label(n), n.GetDomain(), n.GetOpType(), input}
	}
	if s.value == nil {
		return []Use{use(s.owner, -1)}
	}
	var all []Use
	seen := map[*value]bool{s.value: true}
search:
	for todo := []*value{s.value}; len(todo) > 0; todo = todo[1:] {
		for _, u := range todo[0].uses {
			if *room <= 0 {
				break search
			}
			*room--
			if u.step.node != nil {
				if !u.step.call {
					all = append(all, use(u.step.node, u.index))
				}
				continue
			}
			for _, out := range u.step.out {
				if !seen[out] {
					seen[out] = true
					todo = append(todo, out)
				}
			}
		}
	}
	if one := s.value.use; all == nil && one != nil {
		all = []Use{use(one.step.node, one.index)}
	}
	return all
}

// role finds what a tensor is for.
func (s *stored) role(t *Initializer) (r Role, trained bool) {
	structure := s.value != nil && s.value.structure
	if t == nil {
		weight := len(s.floats.GetFloats()) >= least && !structure || s.coefficients()
		return roleIf(weight, RoleWeight, RoleScalar), weight
	}
	switch {
	case t.n == 0:
		return RoleOther, false
	case t.elem.kind == kindString || t.elem.kind == kindBool:
		return RoleOther, false
	case structure:
		return RoleStructure, false
	case t.elem.kind == kindFloat || t.elem.kind == kindComplex:
		return s.floatRole(t)
	}
	return s.integerRole(t)
}

// coefficients reports whether an attribute has the weights of a linear model, which may be few.
func (s *stored) coefficients() bool {
	return s.owner.GetDomain() == "ai.onnx.ml" && slices.Contains([]string{"LinearRegressor", "LinearClassifier"}, s.owner.GetOpType()) && s.floats.GetName() == "coefficients"
}

func roleIf(condition bool, yes, no Role) Role {
	if condition {
		return yes
	}
	return no
}

func (s *stored) floatRole(t *Initializer) (r Role, isTrained bool) {
	if s.value == nil { // an attribute, of an operator that is none of a network's
		weight := t.n >= least
		return roleIf(weight, RoleWeight, RoleScalar), weight
	}
	if s.value.reaches(toScale) {
		return RoleScale, t.n > 1
	}
	if s.value.reaches(toTrained) {
		return RoleWeight, true
	}
	if t.n == 1 {
		return RoleScalar, false
	}
	if t.isMask() {
		return RoleMask, false
	}
	if t.n < least && s.value.reaches(toNode) && !s.value.reaches(toKnownOperator) {
		return RoleScalar, false
	}
	return RoleWeight, true
}

func (s *stored) integerRole(t *Initializer) (r Role, trained bool) {
	if s.value == nil || t.elem.bits > 32 {
		return RoleInteger, false
	}
	switch v := s.value; {
	case v.reaches(toQuantised):
		return RoleWeight, true
	case v.reaches(toZeroPoint):
		return RoleZeroPoint, !v.reaches(toOneZeroPoint) && t.elem.bits <= 8 && t.distinct(2) > 1
	case t.elem.bits <= 16 && t.n >= least && v.reaches(toCast) && t.distinct(3) > 2:
		return RoleWeight, true // dequantised by a cast and a product
	}
	return RoleInteger, false
}

// anyZeroPoints are operators that take any zero points, and a different one for each
// column or block.
var anyZeroPoints = map[string]bool{
	"DequantizeLinear": true, "MatMulInteger": true, "DynamicQuantizeMatMul": true, "MatMulIntegerToFloat": true,
}

// dequantised reports whether a step takes its input for quantised numbers.
func dequantised(u inputOf) bool {
	return u.step.node != nil && !u.step.call && u.step.operand(u.index) == quantised || toFloats(u)
}

// toFloats reports whether a step casts to floating-point numbers.
func toFloats(u inputOf) bool {
	if !standardDomain(u.step.domain) || u.step.node == nil {
		return false
	}
	switch u.step.operator {
	case "Cast":
		for _, a := range u.step.node.Attribute {
			if a.GetName() == "to" {
				return elemTypes[onnxpb.TensorProto_DataType(a.GetI())].kind == kindFloat
			}
		}
	case "CastLike":
		return u.index == 0
	}
	return false
}

// distinct counts the different elements of a tensor, up to a limit.
func (t *Initializer) distinct(limit int) int {
	var seen []uint64
	t.each(func(_ int, bits uint64) bool {
		if !slices.Contains(seen, bits) {
			seen = append(seen, bits)
		}
		return len(seen) < limit
	})
	return len(seen)
}

// isMask reports whether a tensor has two values at most, one of them so large that
// adding it hides everything else.
func (t *Initializer) isMask() bool {
	if t.elem.kind != kindFloat || t.distinct(3) > 2 {
		return false
	}
	large := false
	t.each(func(_ int, bits uint64) bool {
		large = math.Abs(float64(asFloat32(t.DataType, bits))) >= 1000
		return !large
	})
	return large
}
