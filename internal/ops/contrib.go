package ops

// MicrosoftDomain is the domain of onnxruntime's own operators, which its optimiser,
// its quantiser and its model builder write. Their definitions are in onnxruntime's
// docs/ContribOperators.md; what that leaves open is as its CPU kernels do it.
const MicrosoftDomain = "com.microsoft"

// microsoft has the operators of MicrosoftDomain.
var microsoft = join(
	fusedActivations, fusedProducts, channelsLast, dynamicQuantization,
	contribNorms, contribAttention, qlinearOperators, blockQuantization,
)
