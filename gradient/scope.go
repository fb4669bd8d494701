package gradient

import (
	"fmt"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

func opsetName(domain string, version int) string {
	if domain == "" {
		return fmt.Sprint(version)
	}
	return fmt.Sprintf("%s %d", domain, version)
}

func opsets(imports []*onnxpb.OperatorSetIdProto) map[string]int {
	v := map[string]int{}
	for _, o := range imports {
		v[onnxpb.Domain(o.GetDomain())] = int(o.GetVersion())
	}
	if _, ok := v[""]; !ok {
		v[""] = 1 // which IR versions 1 and 2 imply
	}
	return v
}

// scope holds the values of a graph by name, and the enclosing scope. A value is
// nil if it is an input that the caller of a function left out.
type scope struct {
	values map[string]*ops.Value
	outer  *scope
	frame  *frame
}

func (s *scope) lookup(name string) (*ops.Value, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v, true
		}
	}
	return nil, false
}
