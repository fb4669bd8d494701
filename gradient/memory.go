package gradient

import (
	"math"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/internal/sysmem"
	"github.com/advparams/advparams/nd"
)

// unknownMemory is what is assumed of a machine that does not say.
const unknownMemory = 64 << 30

// memory returns the bytes that a program may take.
func (cfg Config) memory() int64 {
	if cfg.Memory > 0 {
		return cfg.Memory
	}
	if total := sysmem.Total(); total > 0 {
		return total / 4 * 3
	}
	return unknownMemory
}

// limits says what the graph may ask for. A few bytes can describe a tensor that
// fills any memory, so that what is computed while compiling is measured by what
// there is anyway, the model and its inputs, beyond what shapes and masks need.
func (c *compiler) limits() ops.Limits {
	given := int64(0)
	for _, f := range c.model.Files() {
		given += f.Size
	}
	for _, in := range c.inputs {
		given += int64(nd.Size(in.Shape)) * in.DType.Bytes()
	}
	memory := c.cfg.Memory
	return ops.Limits{
		Value:  int(min(memory/4, math.MaxInt)),
		Folded: min(memory, 1<<30+16*given),
	}
}
