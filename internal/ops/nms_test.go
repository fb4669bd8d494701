package ops

import (
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestNonMaxSuppression: the boxes chosen are those of onnxruntime 1.32, in its order. In a
// graph for all samples, rows beyond them repeat the one of the least score.
func TestNonMaxSuppression(t *testing.T) {
	corners := nd.Of([]float32{
		3.5, 5.25, 0.75, 2, 6.5, 4.75, 10.5, 9.5, 3, 7, 0.75, 3.5, 3.75, 1.25, 7.5, 3.5, 7, 6, 6, 1, 3.25, 4.25, 5.5, 6.5,
	}, 1, 6, 4)
	scores := nd.Of([]float32{0.89, 0.59, 0.47, 0.77, 0.03, 0.71, 0.37, 0.09, 0.66, 0.93, 0.21, 0.63}, 1, 2, 6)
	centres := nd.Of([]float32{
		2.5, 6, 3.25, 2.5, 5.75, 1.75, 3.5, 1.75, 6.75, 5.25, 1.75, 4, 5.5, 6.5, 4, 3.25, 3.5, 6, 4.75, 1.75,
		7, 0.75, 4.5, 1.75, 6.75, 3.25, 4.75, 3.5, 3.75, 1.25, 3.5, 5, 5.5, 2.25, 4.25, 4.25, 7, 2.25, 1.25, 2.5,
	}, 2, 5, 4)
	others := nd.Of([]float32{0.08, 0.19, 0.21, 0.86, 0.13, 0.3, 0.49, 0.85, 0.97, 0.71}, 2, 1, 5)
	rows := func(v ...int64) nd.Array { return nd.Of(v, len(v)/3, 3) }
	checkValues(t, []valueTest{
		{testNode{op: "NonMaxSuppression", inputs: []any{corners, scores, ints(3), floats(0.3), floats(0.2)}},
			rows(0, 0, 0, 0, 0, 3, 0, 0, 5, 0, 1, 3, 0, 1, 2, 0, 1, 5)},
		{testNode{op: "NonMaxSuppression", name: "centres", attrs: map[string]any{"center_point_box": 1}, inputs: []any{centres, others, ints(9), floats(0.5), floats(0.4)}},
			rows(0, 0, 3, 1, 0, 3, 1, 0, 2, 1, 0, 4, 1, 0, 1)},
		{testNode{op: "NonMaxSuppression", name: "none", inputs: []any{corners, scores, ints(1), floats(0.3), floats(2)}}, nd.Of([]int64{}, 0, 3)},
		{testNode{op: "NonMaxSuppression", name: "as many as there may be", inputs: []any{corners, scores, nd.Scalar[int64](1 << 62), floats(0), floats(0.9)}},
			rows(0, 1, 3)},
		{testNode{op: "NonMaxSuppression", name: "no number", inputs: []any{corners, scores}}, nd.Of([]int64{}, 0, 3)},
	})
	for _, c := range []struct {
		nms
		boxes, scores nd.Array
		found         int
		want          nd.Array
	}{
		{nms{samples: 2, places: 5, classes: 1, most: 5, overlap: 0.5, least: 0.4, centred: true}, centres, others, 5,
			rows(0, 0, 3, 1, 0, 3, 1, 0, 2, 1, 0, 4, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1)},
		{nms{samples: 1, places: 6, classes: 2, most: 1, overlap: 0.3, least: 2}, corners, scores, 0, rows(0, 0, 4, 0, 0, 4)},
	} {
		out := nd.New(nd.Int64, c.want.Shape...)
		if n := c.choose(c.boxes.Float32s(), c.scores.Float32s(), out.Int64s()); n != c.found {
			t.Errorf("%d boxes are chosen, want %d", n, c.found)
		}
		if err := sameArray(out, c.want); err != nil {
			t.Error(err)
		}
	}
}

func TestNonMaxSuppressionErrors(t *testing.T) {
	boxes, scores := nd.New(nd.Float32, 1, 3, 4), nd.New(nd.Float32, 1, 2, 3)
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "NonMaxSuppression", inputs: []any{boxes, nd.New(nd.Float32, 1, 2, 4)}}, want: "boxes of shape [1 3 4] and scores of [1 2 4]"},
		{testNode: testNode{op: "NonMaxSuppression", name: "overlap", inputs: []any{boxes, scores, ints(1), floats(2)}}, want: "an overlap of 2"},
	})
}
