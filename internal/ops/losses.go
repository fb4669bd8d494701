package ops

import (
	"slices"

	"github.com/advparams/advparams/nd"
)

// losses: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss (both opset 12).
// TorchScript writes them for models that return their loss.

// likelihoodLoss returns -w·logp at the labels, reduced as the node's attribute
// says. logp is [N, classes, …], and the labels are [N, …]. A label equal to
// ignore_index does not count.
func (c *Call) likelihoodLoss(logp *Value) *Value {
	labels, weight := c.Input(1), c.Optional(2)
	if logp.Rank() < 2 || labels.DType != nd.Int64 || !slices.Equal(labels.Shape, slices.Delete(slices.Clone(logp.Shape), 1, 2)) {
		c.fail("labels %v%v for scores of shape %v", labels.DType, labels.Shape, logp.Shape)
	}
	classes := logp.Shape[1]
	if weight != nil && (weight.DType != nd.Float32 || !slices.Equal(weight.Shape, []int{classes})) {
		c.fail("weights of shape %v for %d classes", weight.Shape, classes)
	}
	var counts *Value // 1 where a label counts
	if c.Has("ignore_index") {
		ignored := c.Equal(labels, c.Const(nd.Scalar(int64(c.Int("ignore_index", 0)))))
		labels = c.Where(ignored, c.zero(nd.Int64), labels)
		counts = c.Where(ignored, c.Scalar(0), c.Scalar(1))
	}
	loss := c.Neg(c.squeeze(c.GatherElements(logp, c.unsqueeze(labels, []int{1}), 1), []int{1}))
	share := counts
	if weight != nil {
		share = c.Gather(weight, labels, 0)
		if counts != nil {
			share = c.Mul(share, counts)
		}
	}
	if share != nil {
		loss = c.Mul(loss, share)
	}
	switch how := c.String("reduction", "mean"); {
	case how == "none":
		return loss
	case how == "sum":
		return c.total(loss)
	case how != "mean":
		c.fail("reduction %q", how)
	case share == nil:
		return c.Scale(c.total(loss), 1/float32(max(loss.Len(), 1)))
	}
	return c.Div(c.total(loss), c.total(share))
}

// total adds up all elements.
func (c *Call) total(x *Value) *Value { return c.Reshape(c.Sum(x, axesUpTo(x.Rank())...)) }

func buildLikelihoodLoss(c *Call) []*Value { return []*Value{c.likelihoodLoss(c.Float(0))} }

func buildCrossEntropyLoss(c *Call) []*Value {
	x := c.Float(0)
	if x.Rank() < 2 {
		c.fail("scores of shape %v", x.Shape)
	}
	logp := c.softmax(logSoftmax, x, x.Shape[0], x.Shape[1], nd.Size(x.Shape[2:]))
	return []*Value{c.likelihoodLoss(logp), logp}
}

var losses = family{
	"NegativeLogLikelihoodLoss": {12, buildLikelihoodLoss},
	"SoftmaxCrossEntropyLoss":   {12, buildCrossEntropyLoss},
}
