package gradient

import (
	"math"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/internal/sysmem"
	"github.com/advparams/advparams/nd"
)

// unknownMemory is assumed where the size of the machine's memory is unknown.
const unknownMemory = 64 << 30

// memory returns the limit in bytes.
func (cfg Config) memory() int64 {
	if cfg.Memory > 0 {
		return cfg.Memory
	}
	if total := sysmem.Total(); total > 0 {
		return total / 4 * 3
	}
	return unknownMemory
}

// limits bounds what the graph may ask for. A few bytes can describe a tensor that
// fills any memory. The limit on constants computed at compile time is therefore in
// proportion to the size of the model and its inputs, above a minimum for shapes
// and masks.
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
