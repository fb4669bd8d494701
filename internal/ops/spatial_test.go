package ops

import (
	"testing"

	"github.com/advparams/advparams/nd"
)

func TestSpatialGradients(t *testing.T) {
	for _, n := range []testNode{
		{op: "DepthToSpace", attrs: map[string]any{"blocksize": 2}, inputs: []any{[]int{2, 8, 2, 3}}},
		{op: "DepthToSpace", name: "CRD", attrs: map[string]any{"blocksize": 2, "mode": "CRD"}, inputs: []any{[]int{1, 4, 2, 3}}},
		{op: "SpaceToDepth", attrs: map[string]any{"blocksize": 2}, inputs: []any{[]int{2, 3, 4, 2}}},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestSpatialValues(t *testing.T) {
	eight := nd.Of([]int64{0, 1, 2, 3, 4, 5, 6, 7}, 1, 8, 1, 1)
	checkValues(t, []valueTest{
		{testNode{op: "DepthToSpace", attrs: map[string]any{"blocksize": 2}, inputs: []any{eight}}, nd.Of([]int64{0, 2, 4, 6, 1, 3, 5, 7}, 1, 2, 2, 2)},
		{testNode{op: "DepthToSpace", name: "CRD", attrs: map[string]any{"blocksize": 2, "mode": "CRD"}, inputs: []any{eight}}, nd.Of([]int64{0, 1, 2, 3, 4, 5, 6, 7}, 1, 2, 2, 2)},
		{testNode{op: "SpaceToDepth", attrs: map[string]any{"blocksize": 2}, inputs: []any{nd.Of([]int64{0, 1, 2, 3, 4, 5, 6, 7}, 1, 2, 2, 2)}}, nd.Of([]int64{0, 4, 1, 5, 2, 6, 3, 7}, 1, 8, 1, 1)},
		{testNode{op: "SpaceToDepth", name: "CRD", attrs: map[string]any{"blocksize": 2, "mode": "CRD"}, inputs: []any{nd.Of([]int64{0, 1, 2, 3, 4, 5, 6, 7}, 1, 2, 2, 2)}}, eight},
	})
}

func TestSpatialFailures(t *testing.T) {
	block := func(n int) map[string]any { return map[string]any{"blocksize": n} }
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "DepthToSpace", attrs: block(2), inputs: []any{[]int{1, 6, 2, 2}}}, want: "6 channels in blocks of 2 × 2"},
		{testNode: testNode{op: "DepthToSpace", name: "mode", attrs: map[string]any{"blocksize": 1, "mode": "RDC"}, inputs: []any{[]int{1, 4, 2, 2}}}, want: `mode "RDC"`},
		{testNode: testNode{op: "DepthToSpace", name: "rank", attrs: block(2), inputs: []any{[]int{4, 2, 2}}}, want: "is not [batch, channels, height, width]"},
		{testNode: testNode{op: "SpaceToDepth", attrs: block(2), inputs: []any{[]int{1, 1, 3, 2}}}, want: "an image of 3 × 2"},
		{testNode: testNode{op: "SpaceToDepth", name: "mode", attrs: map[string]any{"blocksize": 1, "mode": "RDC"}, inputs: []any{[]int{1, 4, 2, 2}}}, want: `mode "RDC"`},
		{testNode: testNode{op: "SpaceToDepth", name: "no size", inputs: []any{[]int{1, 1, 2, 2}}}, want: "blocksize 0"},
		{testNode: testNode{op: "SpaceToDepth", name: "huge", attrs: block(1 << 40), inputs: []any{[]int{1, 1, 2, 2}}}, want: "blocksize 1099511627776"},
	})
}
