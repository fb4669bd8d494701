package conv

import "github.com/advparams/advparams/internal/kernel/conv/plan"

// Limits are those of ReLU or Clip, which [Conv.Forward] applies to its result.
type Limits = plan.Limits

// Gate is the gradient of ReLU or Clip, which [Conv.GradInput] applies to its result.
type Gate = plan.Gate
