package kernel

// Sizes in bytes of the caches that one core has to itself, which decide how
// products are cut up. Where the processor does not tell, they are guesses on
// the low side.
var cacheL1, cacheL2 = cacheSizes()
