package gradient

import (
	"testing"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
)

// TestReadings: every weight that matters is read somewhere, by an operator that has it as the
// input that it says, next to a value of its samples.
func TestReadings(t *testing.T) {
	t.Parallel()
	m, _ := testmodel.Demo(t)
	x := nd.New(nd.Float32, 2, 1, 28, 28)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i%13) / 13
	}
	p := compiled(t, m, Config{Shapes: map[string][]int{"input": x.Shape}, Keep: true})
	if _, err := p.Forward(map[string]nd.Array{"input": x}); err != nil {
		t.Fatal(err)
	}
	list, err := p.Readings()
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, r := range list {
		a, _ := p.weights.Array(r.Weight)
		if got := r.In[r.Arg]; got.Len() != a.Len() || &got.Float32s()[0] != &a.Float32s()[0] {
			t.Errorf("%s reads %s as another array", r.Operator, r.Weight)
		}
		if r.Sum.Len() != r.Out.Len() || r.Out.Shape[0] != 2 {
			t.Errorf("%s of %s: output %v, sum %v", r.Operator, r.Weight, r.Out.Shape, r.Sum.Shape)
		}
		read[r.Weight] = true
	}
	for name, users := range p.users {
		if len(users) > 0 && !read[name] {
			t.Errorf("nothing reads %s", name)
		}
	}
	if _, err := compiled(t, m, Config{Shapes: map[string][]int{"input": x.Shape}}).Readings(); err == nil {
		t.Error("values that are not kept can be read")
	}
}
