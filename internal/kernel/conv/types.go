package conv

import "github.com/advparams/advparams/internal/kernel/conv/plan"

// Clamp is ReLU or Clip, which [Conv.Forward] applies to its result.
type Clamp = plan.Clamp

// Kept keeps the weights of a convolution in the form that its method needs.
type Kept = plan.Kept

// Gate is the gradient of ReLU or Clip, which [Conv.GradInput] applies to its result.
type Gate = plan.Gate
