package gradient

import (
	"fmt"

	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"google.golang.org/protobuf/proto"
)

// onnx-go decodes a model into any Backend. On the way, it loses what it does not
// know (operator set versions, domains, node names, symbolic dimensions) and
// refuses types and attributes that are common today. It is therefore given a
// reduced model: the nodes with their edges, each node with its position as its
// only attribute. Whatever was left out is looked up by that position.

// nodeAttribute carries a node's position through onnx-go.
const nodeAttribute = "position"

// instruction is a node of the graph as the decoder delivered it.
type instruction struct {
	node            *onnxpb.NodeProto
	inputs, outputs []string // "" for an optional one that is left out
}

// decode returns the nodes of a graph in an order in which every value is computed
// before it is used. outer reports whether a name is a value of an enclosing graph.
func decode(g *onnxpb.GraphProto, outer func(name string) bool) ([]instruction, error) {
	if len(g.GetNode()) == 0 {
		return nil, nil // onnx-go refuses empty graphs, and branches are often empty
	}
	reduced, err := proto.Marshal(reduce(g))
	if err != nil {
		return nil, fmt.Errorf("reducing the graph: %w", err)
	}
	back := &recorder{WeightedDirectedGraph: simple.NewWeightedDirectedGraph(0, 0), graph: g}
	if err := onnx.NewModel(back).UnmarshalBinary(reduced); err != nil {
		return nil, fmt.Errorf("decoding the graph: %w", err)
	}
	return back.sorted(outer)
}

func reduce(g *onnxpb.GraphProto) *onnxpb.ModelProto {
	out := &onnxpb.GraphProto{}
	for _, v := range g.GetInput() {
		out.Input = append(out.Input, &onnxpb.ValueInfoProto{Name: proto.String(v.GetName())})
	}
	for _, v := range g.GetOutput() {
		out.Output = append(out.Output, &onnxpb.ValueInfoProto{Name: proto.String(v.GetName())})
	}
	for i, n := range g.GetNode() {
		r := &onnxpb.NodeProto{
			Name:   proto.String(unnamed("node", i)),
			OpType: proto.String(n.GetOpType()),
			Input:  n.GetInput(),
			Attribute: []*onnxpb.AttributeProto{{
				Name: proto.String(nodeAttribute), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(i)),
			}},
		}
		for k, name := range n.GetOutput() {
			if name == "" {
				name = unnamed(fmt.Sprintf("output %d of node", k), i)
			}
			r.Output = append(r.Output, name)
		}
		out.Node = append(out.Node, r)
	}
	return &onnxpb.ModelProto{Graph: out}
}

// unnamed returns a name that no exporter writes.
func unnamed(what string, i int) string { return fmt.Sprintf("\x00%s %d", what, i) }

// recorder is an onnx.Backend that records nodes as they are applied.
type recorder struct {
	*simple.WeightedDirectedGraph
	graph        *onnxpb.GraphProto
	edges        int64
	pending      []graph.WeightedEdge
	instructions []instruction
}

// value is an edge of the ONNX graph: the output of one node, which others read.
type value struct {
	id   int64
	name string
}

func (v *value) ID() int64        { return v.id }
func (v *value) SetName(n string) { v.name = n }
func (v *value) GetName() string  { return v.name }

func (r *recorder) NewNode() graph.Node {
	r.edges++
	return &value{id: r.edges}
}

// SetWeightedEdge keeps an edge until its node is applied. A simple graph cannot
// hold an edge from a value to itself (a cycle) or two edges between the same
// values (x·x).
func (r *recorder) SetWeightedEdge(e graph.WeightedEdge) { r.pending = append(r.pending, e) }

// ApplyOperation records the node whose edges were set last. The decoder sets the
// edges of each output in the order of the inputs.
func (r *recorder) ApplyOperation(op onnx.Operation, outputs ...graph.Node) error {
	position, ok := op.Attributes[nodeAttribute].(int64)
	if !ok || position < 0 || position >= int64(len(r.graph.GetNode())) {
		return fmt.Errorf("operation %s lost its position", op.Name)
	}
	node := r.graph.GetNode()[position]
	in := instruction{node: node, inputs: make([]string, len(node.GetInput()))}
	for _, e := range r.pending {
		if i := int(e.Weight()); i < len(in.inputs) { // the decoder adds an input to a node that has none
			in.inputs[i] = e.To().(*value).name
		}
	}
	r.pending = r.pending[:0]
	for i, n := range outputs {
		name := n.(*value).name
		if node.GetOutput()[i] == "" {
			name = ""
		}
		in.outputs = append(in.outputs, name)
	}
	r.instructions = append(r.instructions, in)
	return nil
}

// sorted returns the instructions in topological order. ONNX requires that order of
// a file, but not every tool that edits files preserves it.
func (r *recorder) sorted(outer func(string) bool) ([]instruction, error) {
	maker := map[string]int{}
	for i, in := range r.instructions {
		for _, name := range in.outputs {
			if name == "" {
				continue
			}
			if k, ok := maker[name]; ok {
				return nil, fmt.Errorf("value %q is the output of two nodes, %s and %s", name, Describe(r.instructions[k].node), Describe(in.node))
			}
			maker[name] = i
		}
	}
	given := map[string]bool{}
	for _, v := range r.graph.GetInput() {
		given[v.GetName()] = true
	}
	for _, t := range r.graph.GetInitializer() {
		given[t.GetName()] = true
	}
	for _, t := range r.graph.GetSparseInitializer() {
		given[t.GetValues().GetName()] = true
	}
	order := make([]instruction, 0, len(r.instructions))
	const visiting, done = 1, 2
	state := make([]int, len(r.instructions))
	needs := make([][]string, len(r.instructions))
	for i, in := range r.instructions {
		needs[i] = needsOf(in.node)
	}
	type frame struct{ node, input int }
	for root := range r.instructions {
		// Depth-first search with an explicit stack: chains are as long as the
		// model.
		stack := []frame{{root, 0}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			in := r.instructions[top.node]
			if state[top.node] == done || top.input == len(needs[top.node]) {
				if state[top.node] != done {
					order = append(order, in)
				}
				state[top.node] = done
				stack = stack[:len(stack)-1]
				continue
			}
			state[top.node] = visiting
			name := needs[top.node][top.input]
			top.input++
			k, made := maker[name]
			switch {
			case name == "":
			case made && state[k] == visiting:
				return nil, fmt.Errorf("the graph has a cycle through value %q of node %s", name, Describe(in.node))
			case made:
				stack = append(stack, frame{k, 0})
			case !given[name] && !outer(name):
				return nil, fmt.Errorf("input %q of node %s is not computed anywhere", name, Describe(in.node))
			}
		}
	}
	return order, nil
}

// needsOf returns the values that a node reads: its inputs, and those that its
// branches and loop bodies capture from the graphs around them.
func needsOf(n *onnxpb.NodeProto) []string {
	needs := n.GetInput()
	for _, a := range n.GetAttribute() {
		if g := a.GetG(); g != nil {
			needs = append(needs[:len(needs):len(needs)], captured(g)...)
		}
	}
	return needs
}

// captured returns the values that a nested graph reads from the graphs around it.
func captured(g *onnxpb.GraphProto) []string {
	own := map[string]bool{"": true}
	for _, v := range g.GetInput() {
		own[v.GetName()] = true
	}
	for _, t := range g.GetInitializer() {
		own[t.GetName()] = true
	}
	for _, t := range g.GetSparseInitializer() {
		own[t.GetValues().GetName()] = true
	}
	for _, n := range g.GetNode() {
		for _, o := range n.GetOutput() {
			own[o] = true
		}
	}
	var names []string
	add := func(list []string) {
		for _, name := range list {
			if !own[name] {
				own[name] = true
				names = append(names, name)
			}
		}
	}
	for _, n := range g.GetNode() {
		add(n.GetInput())
		for _, a := range n.GetAttribute() {
			if inner := a.GetG(); inner != nil {
				add(captured(inner))
			}
		}
	}
	for _, v := range g.GetOutput() {
		add([]string{v.GetName()})
	}
	return names
}

// Describe names a node for messages: `Conv "/features/0/Conv"`.
func Describe(n *onnxpb.NodeProto) string { return fmt.Sprintf("%s %q", n.GetOpType(), nodeName(n)) }

// nodeName returns a node's name, or that of its first output if it has none.
func nodeName(n *onnxpb.NodeProto) string {
	if n.GetName() == "" && len(n.GetOutput()) > 0 {
		return n.GetOutput()[0]
	}
	return n.GetName()
}
