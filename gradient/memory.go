package gradient

import (
	"math"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/internal/sysmem"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// unknownMemory is assumed where the size of the machine's memory is unknown.
const unknownMemory = 64 << 30

// What a model may ask for is bounded in proportion to the bytes of its files and inputs,
// above a minimum for models that compute much from little. The values of a convolutional
// network that keeps the size of the image, and those of its gradients, take about 2,500
// bytes for each byte of the image (64 channels, 17 layers); a product takes 24
// multiplications for each byte of its result and a convolution of such a network 144.
const (
	leastMemory  = 256 << 20
	memoryFactor = 4 << 10
	workFactor   = 64 // multiplications for each byte of memory
	foldedFactor = 16 // bytes of constants computed while compiling
)

// allowance returns the bytes of memory that are in proportion to what is given.
func allowance(given int64) int64 {
	if given > (math.MaxInt64/workFactor-leastMemory)/memoryFactor {
		return math.MaxInt64 / workFactor
	}
	return leastMemory + memoryFactor*given
}

// Size returns the bytes of a model's files.
func Size(m *onnxio.Model) (size int64) {
	for _, f := range m.Files() {
		size += f.Size
	}
	return size
}

// given returns how many bytes of files and data justify memory and work.
func (c *compiler) given() int64 {
	if w := c.cfg.Workers; w != nil && w.Given > 0 {
		return w.Given
	}
	if c.cfg.given > 0 {
		return Size(c.model) + c.cfg.given
	}
	size := Size(c.model)
	for _, in := range c.inputs {
		size += int64(nd.Size(in.Shape)) * in.DType.Bytes()
	}
	return size
}

// MemoryFor returns the limit on the bytes of arrays that are made for a model, and not
// given: that of w, or one in proportion to the files of the model.
func MemoryFor(m *onnxio.Model, w *Workers) int64 {
	if w != nil && w.Memory > 0 {
		return w.Memory
	}
	return min(allowance(Size(m)), mostMemory())
}

// mostMemory is three quarters of the machine's memory.
func mostMemory() int64 {
	if total := sysmem.Total(); total > 0 {
		return total / 4 * 3
	}
	return unknownMemory
}

// limit sets what the graph may ask for, when the inputs are known. A few bytes can describe
// a tensor that fills any memory, and work that takes for ever.
func (c *compiler) limit() {
	given := c.given()
	allowed := allowance(given)
	memory := c.cfg.Memory
	if w := c.cfg.Workers; memory == 0 && w != nil {
		memory = w.Memory
	}
	work := workFactor * max(allowed, min(memory, math.MaxInt64/workFactor))
	if memory == 0 {
		memory = min(mostMemory(), allowed)
	}
	c.cfg.Memory = memory
	c.Limits = ops.Limits{
		Value:  int(min(memory/4, math.MaxInt)),
		Folded: min(memory, leastMemory+foldedFactor*given),
		Work:   work,
	}
	if c.cfg.eager { // what is not needed any more is collected
		c.Limits.Folded = math.MaxInt64
	}
}
