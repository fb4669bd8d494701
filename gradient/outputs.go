package gradient

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// outputs returns the outputs that Config asks for, with their names.
func (c *compiler) outputs(g *onnxpb.GraphProto, s *scope) (values []*ops.Value, names []string, err error) {
	for _, o := range g.GetOutput() {
		names = append(names, o.GetName())
	}
	if c.cfg.Outputs != nil {
		for _, want := range c.cfg.Outputs {
			if !slices.Contains(names, want) {
				return nil, nil, &OutputError{want, names}
			}
		}
		names = c.cfg.Outputs
	}
	from := OriginsOf(g)
	for _, name := range names {
		v, ok := s.lookup(name)
		if !ok {
			return nil, nil, fmt.Errorf("output %q is not computed anywhere", name)
		}
		raw := (c.cfg.Logits || c.cfg.Unsquashed) && !c.cfg.Raw[name]
		if c.cfg.Axes != nil {
			if v, err = c.continuous(v, name, from, s, raw); err != nil {
				return nil, nil, fmt.Errorf("output %q: %w", name, err)
			}
		}
		if v.Parts != nil || v.Empty {
			return nil, nil, fmt.Errorf("output %q is a sequence or empty: %w", name, ErrUnsupported)
		}
		var wrong error
		if err := ops.Catch(func() {
			if raw {
				v = c.logits(v)
			}
			v, wrong = c.outside(v, name)
		}); err != nil || wrong != nil {
			return nil, nil, fmt.Errorf("output %q: %w", name, cmp.Or(err, wrong))
		}
		values = append(values, v)
	}
	return values, names, nil
}

// continuous returns the floats from which an output was chosen or rounded, or else the output v.
func (c *compiler) continuous(v *ops.Value, name string, from *Origins, s *scope, raw bool) (_ *ops.Value, err error) {
	if scores, ok := s.lookup(from.Chosen(name)); ok && scores.DType == nd.Float32 {
		v = scores
	} else {
		var scores *ops.Value
		var wrong error
		if err := ops.Catch(func() {
			if scores, wrong = c.choices(from.Choices(name), s, raw); scores == nil && wrong == nil {
				scores, wrong = c.decided(from.Decided(name), s)
			}
		}); err != nil || wrong != nil {
			return nil, cmp.Or(err, wrong)
		}
		if scores != nil {
			v = scores
		}
	}
	if floats, ok := s.lookup(from.Rounded(name)); ok && v.DType != nd.Float32 && floats.DType == nd.Float32 {
		v = floats
	}
	return v, nil
}

// never is the score of classes that one of several choices does not have.
const never = -1e4

// choices returns the scores of several choices, each [N,K], as [N,K,choices], with as many classes as
// any of them has; nil if they are of other shapes.
func (c *compiler) choices(names []string, s *scope, raw bool) (*ops.Value, error) {
	classes := 0
	var columns []*ops.Value
	for _, name := range names {
		v, ok := s.lookup(name)
		if !ok || v.DType != nd.Float32 || v.Rank() != 2 || v.Len() == 0 || len(columns) > 0 && v.Shape[0] != columns[0].Shape[0] {
			return nil, nil
		}
		if err := c.count(); err != nil {
			return nil, err
		}
		if raw {
			v = c.logits(v)
		}
		columns, classes = append(columns, v), max(classes, v.Shape[1])
	}
	if columns == nil {
		return nil, nil
	}
	for i, v := range columns {
		if missing := classes - v.Shape[1]; missing > 0 {
			v = c.Concat(1, v, c.Full(never, v.Shape[0], missing))
		}
		columns[i] = c.Reshape(v, v.Shape[0], classes, 1)
	}
	return c.Concat(2, columns...), nil
}

// decided returns the scores of choices that an output is computed from, one after the other in each
// row; nil if they have no row for each sample.
func (c *compiler) decided(names []string, s *scope) (*ops.Value, error) {
	var columns []*ops.Value
	for _, name := range names {
		v, ok := s.lookup(name)
		if !ok || v.DType != nd.Float32 || v.Rank() < 2 || v.Len() == 0 || len(columns) > 0 && v.Shape[0] != columns[0].Shape[0] {
			return nil, nil
		}
		if err := c.count(); err != nil {
			return nil, err
		}
		columns = append(columns, c.Reshape(v, v.Shape[0], v.Len()/v.Shape[0]))
	}
	if columns == nil {
		return nil, nil
	}
	return c.Concat(1, columns...), nil
}

// logits returns v without its last activation, as Config asks for, in the shape of v.
func (c *compiler) logits(v *ops.Value) *ops.Value {
	if c.cfg.Unsquashed {
		return c.Builder.Unsquashed(v)
	}
	return c.Builder.Logits(v)
}
